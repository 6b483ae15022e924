//! What of a request the semantic cache looks at, and which requests it leaves alone.

use sha2::{Digest, Sha256};

use crate::ask::Ask;
use crate::auth::Caller;
use crate::cache::Fingerprint;
use crate::cache::semantic::{SemanticMode, SemanticSettings};
use crate::context::CacheMode;
use crate::ids::{CustomerId, ProjectId};
use crate::types::{ChatRequest, Content, Role};

/// Longer questions are texts to work on; the model does not see all of them anyway.
const LONGEST: usize = 2000;

/// A question, and where its like are.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(super) project: ProjectId,
    pub(super) customer: Option<CustomerId>,
    pub(super) group: Fingerprint,
    pub(super) question: String,
    pub(super) settings: SemanticSettings,
    pub(super) ttl_seconds: u32,
    /// Once it is embedded.
    pub(super) vector: Option<Vec<f32>>,
    /// Whether a known answer may be given.
    pub(crate) reads: bool,
}

impl Probe {
    /// None where the cache has no part in the request: switched off, or none of a text that stands by itself.
    pub(crate) fn of(caller: &Caller, ask: &Ask, mode: CacheMode, embedder: &str) -> Option<Probe> {
        let project = &caller.project;
        let settings = &project.settings.semantic;
        let off =
            settings.mode == SemanticMode::Off || !project.settings.cache.enabled || mode == CacheMode::Off;
        let Ask::Chat(request) = ask else { return None };
        if off || !suits(request, settings.max_temperature) {
            return None;
        }
        let question = last_question(request)?;
        let group = group(caller, request, embedder)?;
        let exact = project.settings.cache.ttl_seconds;
        Some(Probe {
            project: project.id,
            customer: caller.customer.clone(),
            group,
            question,
            ttl_seconds: settings.ttl_seconds.map_or(exact, |own| own.min(exact)),
            settings: settings.clone(),
            vector: None,
            reads: mode != CacheMode::Refresh,
        })
    }

    /// What the question is kept under: the same one in the same group is kept once.
    pub(super) fn id(&self) -> Fingerprint {
        let mut digest = Sha256::new();
        digest.update(b"lockgate/meaning/1/");
        digest.update(self.group.0);
        digest.update(self.question.as_bytes());
        Fingerprint(digest.finalize().into())
    }
}

/// One answer, in text alone, to a person and not to a tool, and not a new one each time.
fn suits(request: &ChatRequest, max_temperature: f32) -> bool {
    let temperature = request.temperature.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(1.0);
    let tools = request
        .messages
        .iter()
        .any(|message| matches!(message.role, Role::Tool | Role::Function) || !message.tool_calls.is_empty());
    let text_only = request.messages.iter().all(|message| match &message.content {
        Some(Content::Parts(parts)) => parts.iter().all(|part| part.text().is_some()),
        Some(Content::Text(_) | Content::Null) | None => true,
    });
    request.answers() == 1 && !tools && text_only && temperature <= f64::from(max_temperature)
}

/// The last message, where it is the user's.
fn last_question(request: &ChatRequest) -> Option<String> {
    let last = request.messages.last().filter(|message| message.role == Role::User)?;
    let texts: Vec<&str> = last.content.iter().flat_map(Content::texts).collect();
    let question = texts.join("\n");
    let question = question.trim();
    (!question.is_empty() && question.len() <= LONGEST).then(|| question.to_owned())
}

/// All of the request but its last message's text: model, parameters, tools, format, instructions, history; of one
/// project since its last purge, and of one customer where the request names one; by one embedder.
fn group(caller: &Caller, request: &ChatRequest, embedder: &str) -> Option<Fingerprint> {
    let mut frame = request.clone();
    frame.messages.last_mut()?.content = None;
    let customer =
        caller.customer.as_ref().map(|id| id.tag().0.iter().map(|byte| format!("{byte:02x}")).collect());
    let customer: String = customer.unwrap_or_default();
    let embedder = Sha256::digest(embedder.as_bytes());
    let embedder: String = embedder.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Fingerprint::of_body(&caller.project, &format!("near/{embedder}/{customer}"), &frame).ok()
}
