//! Scripts: which fault meets which request.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::fault::Fault;
use crate::server::Vendor;

/// A simulated vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// Gemini: content, whole and streamed, embeddings, models.
    Gemini,
    /// OpenAI: chat completions, embeddings, models.
    OpenAi,
    /// Ollama: chat, generate, embed, and the models that are pulled.
    Ollama,
}

impl Provider {
    /// Every simulated vendor.
    pub const ALL: &'static [Self] = &[Self::OpenAi, Self::Gemini, Self::Ollama];

    /// All that is known of a vendor outside its own module.
    pub(crate) fn row(self) -> Row {
        match self {
            Self::Gemini => Row {
                name: "gemini",
                base: "/v1beta",
                variable: "GEMINI_BASE_URL",
                start: |_| Box::new(crate::gemini::Gemini),
            },
            Self::OpenAi => Row {
                name: "openai",
                base: "/v1",
                variable: "OPENAI_BASE_URL",
                start: |clock| Box::new(crate::openai::OpenAi::new(clock)),
            },
            Self::Ollama => Row {
                name: "ollama",
                base: "",
                variable: "OLLAMA_HOST",
                start: |clock| Box::new(crate::ollama::Ollama::new(clock)),
            },
        }
    }

    /// The name in URLs, scripts and records.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The variable by which the vendor's own SDK is told its base URL.
    pub fn variable(self) -> &'static str {
        self.row().variable
    }
}

/// One vendor.
pub(crate) struct Row {
    /// Its name, also the first segment of its paths.
    pub(crate) name: &'static str,
    /// What its SDK's base URL ends in, after the name: empty, or with a leading slash and none at the end.
    pub(crate) base: &'static str,
    pub(crate) variable: &'static str,
    pub(crate) start: fn(Clock) -> Box<dyn Vendor>,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|provider| provider.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|provider| provider.name()).collect();
            format!("unknown provider `{name}`, expected one of: {}", known.join(", "))
        })
    }
}

/// A fault with the requests it is meant for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scripted {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many requests meet it before it is used up; at least 1.
    pub times: u32,
    /// Only requests whose path ends with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only requests for this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Further faults for the same request, such as a `reply` that is also cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub and: Vec<Fault>,
}

impl From<Fault> for Scripted {
    fn from(fault: Fault) -> Self {
        Self { fault, times: 1, path: None, model: None, and: Vec::new() }
    }
}

impl Scripted {
    /// Meets `times` requests instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Only requests whose path ends with `path`.
    #[must_use]
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Only requests for `model`.
    #[must_use]
    pub fn on_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Adds a further fault for the same request.
    #[must_use]
    pub fn and(mut self, fault: Fault) -> Self {
        self.and.push(fault);
        self
    }

    /// The fault and those beside it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.fault).chain(&self.and)
    }

    fn meets(&self, path: &str, model: Option<&str>) -> bool {
        self.path.as_deref().is_none_or(|wanted| path.ends_with(wanted))
            && self.model.as_deref().is_none_or(|wanted| model == Some(wanted))
    }
}

/// The faults still to come, in order, for every provider.
#[derive(Debug, Default)]
pub(crate) struct Scripts(Mutex<VecDeque<(Provider, Scripted)>>);

impl Scripts {
    pub(crate) fn push(&self, provider: Provider, scripted: Scripted) {
        if scripted.times > 0 {
            self.0.lock().push_back((provider, scripted));
        }
    }

    /// Takes the first fault meant for this request.
    pub(crate) fn take(&self, provider: Provider, path: &str, model: Option<&str>) -> Option<Scripted> {
        let mut queue = self.0.lock();
        let place = queue.iter().position(|(of, scripted)| *of == provider && scripted.meets(path, model))?;
        let (_, scripted) = queue.get_mut(place)?;
        if scripted.times > 1 {
            scripted.times -= 1;
            return Some(scripted.clone());
        }
        queue.remove(place).map(|(_, scripted)| scripted)
    }

    pub(crate) fn waiting(&self) -> Vec<(Provider, Scripted)> {
        self.0.lock().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_taken_in_order_and_by_matcher() {
        let scripts = Scripts::default();
        scripts.push(Provider::OpenAi, Scripted::from(Fault::status(500)).on_path("/embeddings"));
        scripts.push(Provider::OpenAi, Scripted::from(Fault::status(429)).times(2));
        scripts.push(Provider::OpenAi, Scripted::from(Fault::status(503)).on_model("gpt-4o"));
        let take = |path: &str, model: &str| {
            scripts.take(Provider::OpenAi, path, Some(model)).map(|scripted| scripted.fault)
        };
        assert_eq!(take("/v1/chat/completions", "gpt-4o"), Some(Fault::status(429)));
        assert_eq!(take("/v1/embeddings", "e"), Some(Fault::status(500)));
        assert_eq!(take("/v1/embeddings", "e"), Some(Fault::status(429)));
        assert_eq!(take("/v1/chat/completions", "gpt-4.1"), None);
        assert_eq!(take("/v1/chat/completions", "gpt-4o"), Some(Fault::status(503)));
        assert!(scripts.waiting().is_empty());
    }
}
