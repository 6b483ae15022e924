//! What the demo prints: lines for people, or one JSON object.

use lockgate::money::Nano;
use serde::Serialize;

use super::scene::{Caller, MODEL};
use super::step::Step;
use super::world::World;
use crate::failure::Failure;
use crate::listing;

/// Longest remark beside a step, in characters.
const LONGEST_REMARK: usize = 96;

/// The whole story as JSON.
#[derive(Serialize)]
struct Story<'a> {
    ok: bool,
    steps: &'a [Step],
}

/// Prints the story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrator {
    json: bool,
}

impl Narrator {
    pub(super) fn new(json: bool) -> Narrator {
        Narrator { json }
    }

    fn say(self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { listing::line(text) }
    }

    pub(super) fn begin(self, world: &World) -> Result<(), Failure> {
        self.say(&format!(
            "Lockgate demo: a gateway on {} with a temporary SQLite store.\n\
             The providers are simulated: answers and failures are made up. Requests, limits, caps and costs are real.\n",
            world.base_url()
        ))
    }

    pub(super) fn step(self, step: &Step) -> Result<(), Failure> {
        let mark = if step.ok { "ok" } else { "WRONG" };
        let status = step.status.map_or_else(|| "   ".to_owned(), |status| status.to_string());
        let millis = format!("{}.{} ms", step.latency_us / 1000, step.latency_us % 1000 / 100);
        let cost = step
            .cost_nano_usd
            .map_or_else(|| "cost unknown".to_owned(), |cost| format!("${}", Nano::from_nano(cost)));
        let who = match (&step.provider, &step.model) {
            (Some(provider), Some(model)) => format!("{provider}/{model}"),
            _ if step.status.is_some() => "no provider asked".to_owned(),
            _ => String::new(),
        };
        self.say(&format!("{mark:5} {status} {millis:>9}  {cost:<12} {who:<25} {}", step.tells))?;
        step.says.iter().try_for_each(|says| self.say(&format!("      {}", remark(says))))?;
        step.wrong.iter().try_for_each(|wrong| self.say(&format!("      wrong: {wrong}")))
    }

    pub(super) fn end(self, ok: bool, steps: &[Step]) -> Result<(), Failure> {
        if self.json {
            return listing::json(&Story { ok, steps });
        }
        let last =
            if ok { "\nEvery step showed what it should." } else { "\nA step did not show what it should." };
        listing::line(last)
    }

    /// How to go on by hand.
    pub(super) fn invite(self, world: &World) -> Result<(), Failure> {
        let (key, _) = world.credentials(Caller::Visitor);
        let base = world.base_url();
        self.say(&format!(
            r#"
Still serving (Ctrl-C ends it). Try it:

  curl {base}/chat/completions -H "Authorization: Bearer {key}" \
    -H "Content-Type: application/json" \
    -d '{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{base}", api_key="{key}")
  answer = client.chat.completions.create(
      model="{MODEL}", messages=[{{"role": "user", "content": "Hello"}}])
  print(answer.choices[0].message.content)
"#
        ))
    }
}

fn remark(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_REMARK) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}
