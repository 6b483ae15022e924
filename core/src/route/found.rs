//! The models that a provider says it has.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::types::Model;

/// What Ollama adds to a name without a tag.
const DEFAULT_TAG: &str = ":latest";

/// The models that a provider said it had when it was last asked; none before.
#[derive(Debug, Default)]
pub(crate) struct Found(RwLock<Arc<[Model]>>);

impl Found {
    /// All of them.
    pub(crate) fn all(&self) -> Arc<[Model]> {
        self.0.read().clone()
    }

    /// Whether `name` is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.read().iter().any(|model| is_name_of(name, &model.id))
    }

    /// Takes the place of what was known.
    pub(crate) fn replace(&self, models: Vec<Model>) {
        *self.0.write() = models.into();
    }
}

/// Whether `name` asks for the model that is listed as `id`: with or without the default tag, in small or capital
/// letters.
pub(crate) fn is_name_of(name: &str, id: &str) -> bool {
    let tagged = |name: &str, id: &str| {
        id.len() == name.len() + DEFAULT_TAG.len()
            && id.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
            && id.get(name.len()..).is_some_and(|tail| tail.eq_ignore_ascii_case(DEFAULT_TAG))
    };
    name.eq_ignore_ascii_case(id) || tagged(name, id) || tagged(id, name)
}

#[cfg(test)]
mod tests {
    use super::is_name_of;

    #[test]
    fn the_default_tag_may_be_left_out() {
        for (name, id) in [
            ("llama3.2", "llama3.2:latest"),
            ("llama3.2:latest", "llama3.2:latest"),
            ("llama3.2:latest", "llama3.2"),
            ("Llama3.2", "llama3.2:latest"),
            ("hf.co/a/b-GGUF:Q4_K_M", "hf.co/a/b-GGUF:q4_k_m"),
        ] {
            assert!(is_name_of(name, id), "{name} {id}");
        }
        for (name, id) in [
            ("llama3.2", "llama3.2:1b"),
            ("llama3.2:1b", "llama3.2:latest"),
            ("llama3", "llama3.2:latest"),
            ("", ":latest1"),
            ("ü", "x:latest"),
        ] {
            assert!(!is_name_of(name, id), "{name} {id}");
        }
    }
}
