//! What is asked and what is answered: one path serves chat and embeddings.

use crate::types::{ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Metadata, Usage};

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Chat(Box<ChatRequest>),
    Embed(Box<EmbedRequest>),
}

impl Ask {
    pub(crate) fn model(&self) -> &str {
        match self {
            Ask::Chat(request) => &request.model,
            Ask::Embed(request) => &request.model,
        }
    }

    /// The same request for another model.
    pub(crate) fn with_model(&self, model: &str) -> Ask {
        let mut ask = self.clone();
        match &mut ask {
            Ask::Chat(request) => request.model = model.to_owned(),
            Ask::Embed(request) => request.model = model.to_owned(),
        }
        ask
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Ask::Chat(request) if request.is_stream())
    }

    /// Whether the last piece of a stream is to have usage and no choice.
    pub(crate) fn wants_usage(&self) -> bool {
        matches!(self, Ask::Chat(request) if request.wants_usage())
    }

    /// How many answers are asked for.
    pub(crate) fn answers(&self) -> u32 {
        match self {
            Ask::Chat(request) => request.answers(),
            Ask::Embed(_) => 1,
        }
    }

    /// The ledger's word for it.
    pub(crate) fn endpoint(&self) -> &'static str {
        match self {
            Ask::Chat(_) => "chat",
            Ask::Embed(_) => "embeddings",
        }
    }

    pub(crate) fn validate(&self) -> crate::error::Result<()> {
        match self {
            Ask::Chat(request) => request.validate(),
            Ask::Embed(request) => request.validate(),
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Chat(Box<ChatResponse>),
    Embed(Box<EmbedResponse>),
}

impl Reply {
    pub(crate) fn usage(&self) -> Option<&Usage> {
        match self {
            Reply::Chat(response) => response.usage.as_ref(),
            Reply::Embed(response) => response.usage.as_ref(),
        }
    }

    /// The text the model wrote, for a bill without reported usage.
    pub(crate) fn text(&self) -> String {
        match self {
            Reply::Chat(response) => response.choices.iter().map(|choice| choice.message.text()).collect(),
            Reply::Embed(_) => String::new(),
        }
    }

    /// Whether it may be given to the next who asks the same: whole, and not empty.
    pub(crate) fn is_storable(&self) -> bool {
        match self {
            Reply::Chat(response) => {
                response.is_complete() && response.choices.iter().all(|choice| choice.message.says_anything())
            }
            Reply::Embed(response) => !response.data.is_empty(),
        }
    }

    /// The answer with an id, a model and a time (in seconds) where the provider gives none.
    pub(crate) fn identified(mut self, id: impl FnOnce() -> String, model: &str, created: i64) -> Reply {
        let told = match &mut self {
            Reply::Chat(response) => {
                if response.id.is_empty() {
                    response.id = id();
                }
                if response.created == 0 {
                    response.created = created;
                }
                &mut response.model
            }
            Reply::Embed(response) => &mut response.model,
        };
        if told.is_empty() {
            model.clone_into(told);
        }
        self
    }

    /// The answer with what the gateway did.
    pub(crate) fn with_metadata(mut self, metadata: Metadata) -> Reply {
        match &mut self {
            Reply::Chat(response) => response.lockgate = Some(metadata),
            Reply::Embed(response) => response.lockgate = Some(metadata),
        }
        self
    }

    /// The answer as JSON text.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Reply::Chat(response) => serde_json::to_vec(response),
            Reply::Embed(response) => serde_json::to_vec(response),
        }
    }

    /// Reads what [`Reply::to_json`] wrote for `endpoint`.
    pub(crate) fn from_json(endpoint: &str, text: &[u8]) -> Option<Reply> {
        match endpoint {
            "chat" => serde_json::from_slice(text).ok().map(Reply::Chat),
            "embeddings" => serde_json::from_slice(text).ok().map(Reply::Embed),
            _ => None,
        }
    }
}
