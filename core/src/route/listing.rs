//! The models that can be asked for: those of the settings, of the price tables and those that were found, of all
//! configured providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::found::is_name_of;
use super::registry::{Provider, Registry};
use crate::clock::Millis;
use crate::pricing::{Kind, Price};
use crate::types::{LongPromptPricing, Model, ModelPricing};

impl Registry {
    /// Every model once, in order of names. One that several providers serve is listed for the first that is asked.
    pub(crate) fn models(&self, at: Millis) -> Vec<Model> {
        let mut models: BTreeMap<String, Model> = BTreeMap::new();
        // The settings name models before the tables do, as they are looked for.
        for provider in self.iter() {
            for name in &provider.models {
                models.entry(name.clone()).or_insert_with(|| self.model(provider, name, at));
            }
        }
        for provider in self.iter() {
            for info in self.prices.models(&provider.name) {
                models.entry(info.name.clone()).or_insert_with(|| self.model(provider, &info.name, at));
            }
        }
        for provider in self.iter() {
            let listed = |found: &Model| provider.models.iter().any(|name| is_name_of(name, &found.id));
            for found in provider.found.all().iter().filter(|found| !listed(found)) {
                let model = || Model { created: found.created, ..self.model(provider, &found.id, at) };
                models.entry(found.id.clone()).or_insert_with(model);
            }
        }
        models.into_values().collect()
    }

    fn model(&self, provider: &Arc<Provider>, name: &str, at: Millis) -> Model {
        let info = self.prices.model(&provider.name, name);
        let kind = info.map(|info| match info.kind {
            Kind::Chat => "chat",
            Kind::Embedding => "embedding",
        });
        let mut pricing = self.prices.price(&provider.name, name, at.0).map(pricing);
        if let (Some(pricing), Some("embedding")) = (&mut pricing, kind) {
            pricing.output = None;
        }
        Model {
            id: name.to_owned(),
            owned_by: provider.name.clone(),
            provider: Some(provider.name.clone()),
            kind: kind.map(str::to_owned),
            context_window: info.and_then(|info| info.context_window),
            max_output_tokens: info.and_then(|info| info.max_output_tokens),
            pricing,
            ..Model::default()
        }
    }
}

fn pricing(price: &Price) -> ModelPricing {
    let base = price.rates(0);
    let above = price.above().map(|(prompt_tokens, rates)| LongPromptPricing {
        prompt_tokens,
        input: rates.input,
        cached_input: rates.cached_input,
        output: Some(rates.output),
        ..LongPromptPricing::default()
    });
    ModelPricing {
        input: base.input,
        cached_input: base.cached_input,
        cache_write: base.cache_write,
        cache_write_1h: base.cache_write_1h,
        output: Some(base.output),
        audio_input: base.audio_input,
        audio_output: base.audio_output,
        above: above.collect(),
        ..ModelPricing::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Layers};
    use crate::error::Result;

    fn listed(environment: Environment, settings: &str) -> Result<Vec<Model>> {
        let config = Layers::new().environment(environment).toml(settings, "test")?.read()?;
        Ok(Registry::new(&config)?.models(Millis(1_795_132_800_000)))
    }

    fn json(models: &[Model], id: &str) -> serde_json::Value {
        serde_json::to_value(models.iter().find(|model| model.id == id).unwrap()).unwrap()
    }

    #[test]
    fn models_of_all_providers_are_listed_once_with_what_is_known() {
        let environment = Environment::empty()
            .with("OPENAI_API_KEY", "k")
            .with("GROQ_API_KEY", "k")
            .with("TOGETHER_API_KEY", "k")
            .with("XAI_API_KEY", "k")
            .with("VLLM_BASE_URL", "http://127.0.0.1:9/v1");
        let settings =
            "[providers.vllm]\nmodels = [\"Qwen/Qwen3-8B\"]\n[providers.openai]\nmodels = [\"gpt-new\"]\n";
        let models = listed(environment, settings).unwrap();
        assert!(models.is_sorted_by(|one, other| one.id < other.id), "each once, in order");
        let priced = serde_json::json!({
            "id": "openai/gpt-oss-120b", "object": "model", "created": 0, "owned_by": "groq", "provider": "groq",
            "kind": "chat", "context_window": 131_072, "max_output_tokens": 65_536,
            "pricing": {"input": "0.15", "cached_input": "0.075", "output": "0.6"},
        });
        assert_eq!(json(&models, "openai/gpt-oss-120b"), priced);
        let free = serde_json::json!({
            "id": "Qwen/Qwen3-8B", "object": "model", "created": 0, "owned_by": "vllm", "provider": "vllm",
            "pricing": {"input": "0", "output": "0"},
        });
        assert_eq!(json(&models, "Qwen/Qwen3-8B"), free);
        let unknown = serde_json::json!(
            {"id": "gpt-new", "object": "model", "created": 0, "owned_by": "openai", "provider": "openai"}
        );
        assert_eq!(json(&models, "gpt-new"), unknown);
        let long = serde_json::json!(
            [{"prompt_tokens": 200_000, "input": "2.5", "cached_input": "0.4", "output": "5"}]
        );
        assert_eq!(json(&models, "grok-4.3")["pricing"]["above"], long);
        let embedding = json(&models, "text-embedding-3-small");
        assert_eq!(
            (&embedding["kind"], &embedding["pricing"]),
            (&"embedding".into(), &serde_json::json!({"input": "0.02"}))
        );
        assert!(models.iter().all(|model| model.provider.as_deref() != Some("mistral")), "not configured");
    }
}
