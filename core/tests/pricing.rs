//! Bills worked out by hand, from usage objects as the vendors send them.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Helpers of tests.

use lockgate::money::{Nano, PerMillion};
use lockgate::pricing::{CustomPrice, Kind, Price, PriceOverride, PriceTable, Rates, Tier, TokenCounts};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOVEMBER_20: i64 = 1_795_132_800_000;
const DAY: i64 = 86_400_000;

fn table() -> &'static PriceTable {
    PriceTable::builtin().expect("the embedded tables parse")
}

fn count(usage: &Value, path: &str) -> u64 {
    usage.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn openai(usage: &Value) -> TokenCounts {
    TokenCounts {
        input: count(usage, "/prompt_tokens"),
        cached_input: count(usage, "/prompt_tokens_details/cached_tokens"),
        cache_write: count(usage, "/prompt_tokens_details/cache_write_tokens"),
        audio_input: count(usage, "/prompt_tokens_details/audio_tokens"),
        output: count(usage, "/completion_tokens"),
        reasoning: count(usage, "/completion_tokens_details/reasoning_tokens"),
        audio_output: count(usage, "/completion_tokens_details/audio_tokens"),
        ..TokenCounts::default()
    }
}

fn anthropic(usage: &Value) -> TokenCounts {
    let (read, created) =
        (count(usage, "/cache_read_input_tokens"), count(usage, "/cache_creation_input_tokens"));
    let long = count(usage, "/cache_creation/ephemeral_1h_input_tokens");
    TokenCounts {
        input: count(usage, "/input_tokens") + read + created,
        cached_input: read,
        cache_write: created - long,
        cache_write_1h: long,
        output: count(usage, "/output_tokens"),
        ..TokenCounts::default()
    }
}

fn gemini(usage: &Value) -> TokenCounts {
    let thoughts = count(usage, "/thoughtsTokenCount");
    let audio = usage.pointer("/promptTokensDetails").and_then(Value::as_array).into_iter().flatten();
    let audio = audio.filter(|part| part["modality"] == "AUDIO").map(|part| count(part, "/tokenCount")).sum();
    TokenCounts {
        input: count(usage, "/promptTokenCount"),
        cached_input: count(usage, "/cachedContentTokenCount"),
        audio_input: audio,
        output: count(usage, "/candidatesTokenCount") + thoughts,
        reasoning: thoughts,
        ..TokenCounts::default()
    }
}

fn bill(provider: &str, model: &str, at: i64, usage: &Value) -> i64 {
    let counts = match provider {
        "openai" => openai(usage),
        "anthropic" => anthropic(usage),
        _ => gemini(usage),
    };
    let price =
        table().price(provider, model, at).unwrap_or_else(|| panic!("{provider}/{model} has a price"));
    price.cost(&counts).nano()
}

#[test]
fn bills_from_openai() {
    for (model, usage, nano) in [
        // 1000 × 2.50 + 500 × 10
        ("gpt-4o", json!({"prompt_tokens": 1000, "completion_tokens": 500}), 7_500_000),
        // 1024 × 2.50 + 1024 × 1.25 + 10 × 10
        (
            "gpt-4o-2024-08-06",
            json!({"prompt_tokens": 2048, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 1024}}),
            3_940_000,
        ),
        // The first pin: 1000 × 5 + 500 × 15
        ("gpt-4o-2024-05-13", json!({"prompt_tokens": 1000, "completion_tokens": 500}), 12_500_000),
        // 7 × 0.15 + 3 × 0.60
        ("gpt-4o-mini", json!({"prompt_tokens": 7, "completion_tokens": 3}), 2_850),
        // Reasoning is part of the output: 13 × 1.10 + 1200 × 4.40
        (
            "o4-mini",
            json!({"prompt_tokens": 13, "completion_tokens": 1200, "completion_tokens_details": {"reasoning_tokens": 1152}}),
            5_294_300,
        ),
        // At the threshold: 272000 × 5 + 1000 × 30
        ("gpt-5.5", json!({"prompt_tokens": 272_000, "completion_tokens": 1000}), 1_390_000_000),
        // One above, all of it: 272001 × 10 + 1000 × 45
        ("gpt-5.5", json!({"prompt_tokens": 272_001, "completion_tokens": 1000}), 2_765_010_000),
        // 500 × 2 + 1500 × 0.10 + 2000 × 2.50 + 100 × 10
        (
            "gpt-6.1-sol",
            json!({"prompt_tokens": 4000, "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 2000}}),
            7_150_000,
        ),
        // 1 × 0.05: half a hundred pico-USD rounds once, to 50 nano
        ("gpt-5-nano", json!({"prompt_tokens": 1, "completion_tokens": 0}), 50),
        // No rate for cached input: 100 × 0.50 + 20 × 1.50
        (
            "gpt-3.5-turbo",
            json!({"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 64}}),
            80_000,
        ),
        // Embeddings: 8 × 0.02
        ("text-embedding-3-small", json!({"prompt_tokens": 8, "total_tokens": 8}), 160),
    ] {
        assert_eq!(bill("openai", model, NOVEMBER_20, &usage), nano, "{model} {usage}");
    }
}

#[test]
fn bills_from_anthropic() {
    for (model, usage, nano) in [
        // 25 × 3 + 150 × 15
        ("claude-sonnet-4-5-20250929", json!({"input_tokens": 25, "output_tokens": 150}), 2_325_000),
        // 50 × 5 + 10000 × 0.50 + 400 × 25
        (
            "claude-opus-4-8",
            json!({"input_tokens": 50, "cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 0, "output_tokens": 400}),
            15_250_000,
        ),
        // 50 × 5 + 2000 × 6.25 (5 min) + 1000 × 10 (1 h) + 400 × 25
        (
            "claude-opus-4-8",
            json!({"input_tokens": 50, "cache_creation_input_tokens": 3000, "output_tokens": 400,
                "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000}}),
            32_750_000,
        ),
        // The cache counts towards the length: 10 × 0.10 + 99990 × 0.01 + 200 × 0.50
        (
            "claude-haiku-5-5",
            json!({"input_tokens": 10, "cache_read_input_tokens": 99_990, "output_tokens": 200}),
            1_100_900,
        ),
        // One token more: 11 × 0.50 + 99990 × 0.05 + 200 × 2.50
        (
            "claude-haiku-5-5",
            json!({"input_tokens": 11, "cache_read_input_tokens": 99_990, "output_tokens": 200}),
            5_505_000,
        ),
        // 3 × 1 + 1 × 5
        ("claude-haiku-4-5", json!({"input_tokens": 3, "output_tokens": 1}), 8_000),
    ] {
        assert_eq!(bill("anthropic", model, NOVEMBER_20, &usage), nano, "{model} {usage}");
    }
}

#[test]
fn bills_from_gemini() {
    for (model, usage, nano) in [
        // Thoughts are output: 8 × 0.30 + (12 + 300) × 2.50
        (
            "gemini-2.5-flash",
            json!({"promptTokenCount": 8, "candidatesTokenCount": 12, "thoughtsTokenCount": 300, "totalTokenCount": 320}),
            782_400,
        ),
        // 200000 × 1.25 + 10 × 10
        ("gemini-2.5-pro", json!({"promptTokenCount": 200_000, "candidatesTokenCount": 10}), 250_100_000),
        // 50001 × 2.50 + 150000 × 0.25 + 10 × 15
        (
            "gemini-2.5-pro",
            json!({"promptTokenCount": 200_001, "cachedContentTokenCount": 150_000, "candidatesTokenCount": 10}),
            162_652_500,
        ),
        // 100 × 0.10 + 3200 × 0.30 + 40 × 0.40
        (
            "gemini-2.5-flash-lite",
            json!({"promptTokenCount": 3300, "candidatesTokenCount": 40, "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 3200}]}),
            986_000,
        ),
        // 1 × 0.075 + 1 × 0.30
        ("gemini-2.0-flash-lite-001", json!({"promptTokenCount": 1, "candidatesTokenCount": 1}), 375),
    ] {
        assert_eq!(bill("gemini", model, NOVEMBER_20, &usage), nano, "{model} {usage}");
    }
}

#[test]
fn the_time_of_the_request_chooses_the_price() {
    let usage = json!({"prompt_tokens": 1_000_000, "completion_tokens": 0});
    let luna = |at| table().price("openai", "gpt-5.6-luna", at).unwrap().rates(1).input;
    let july_30 = 1_785_369_600_000;
    assert_eq!(luna(july_30 - 1), PerMillion::from_nano(1_000_000_000));
    assert_eq!(luna(july_30), PerMillion::from_nano(200_000_000));
    assert_eq!(luna(0), PerMillion::from_nano(1_000_000_000), "the first price holds for the time before it");
    // Above the threshold: 1M × 2 × 0.20.
    assert_eq!(bill("openai", "gpt-5.6-luna", NOVEMBER_20, &usage), 400_000_000);
    let carbon = |at| table().price("gemini", "gemini-4-carbon", at).unwrap().rates(1).output;
    assert_eq!(carbon(NOVEMBER_20 + 10 * DAY), PerMillion::from_nano(10_000_000_000));
    assert_eq!(carbon(NOVEMBER_20 + 11 * DAY), PerMillion::from_nano(20_000_000_000));
}

#[test]
fn an_unknown_price_is_not_zero() {
    for (provider, model) in [
        ("openai", "gpt-99"),
        ("openai", "gpt-4o-2031-01-01"),
        ("openai", "GPT-4o"),
        ("openai", "ft:gpt-4o:acme::1"),
        ("openai", ""),
        ("anthropic", "gpt-4o"),
        ("nobody", "gpt-4o"),
    ] {
        assert_eq!(table().price(provider, model, NOVEMBER_20), None, "{provider}/{model}");
        assert!(table().model(provider, model).is_none());
    }
    assert!(table().providers().all(|provider| table().models(provider).all(|model| {
        table().price(provider, &model.name, NOVEMBER_20).is_some_and(|price| !price.is_free())
    })));
}

#[test]
fn dated_pins_find_their_base_only_where_the_table_says_so() {
    let pinned = table().model("openai", "gpt-5.2-2025-12-11").expect("covered");
    assert_eq!((pinned.name.as_str(), pinned.covers_dated), ("gpt-5.2", true));
    assert_eq!(table().model("openai", "gpt-5.2-20251211").map(|m| m.name.as_str()), Some("gpt-5.2"));
    assert_eq!(
        table().model("anthropic", "claude-opus-4-20250514").map(|m| m.name.as_str()),
        Some("claude-opus-4-0")
    );
    assert!(table().model("anthropic", "claude-opus-4-1-20260101").is_none());
    assert!(table().model("openai", "gpt-5.2-2025-12-11-2025-12-11").is_none());
}

#[test]
fn models_are_described() {
    let sol = table().model("openai", "gpt-6.2-sol").unwrap();
    assert_eq!((sol.kind, sol.tier, sol.reasoning), (Kind::Chat, Tier::Balanced, true));
    assert_eq!((sol.context_window, sol.max_output_tokens), (Some(1_050_000), Some(128_000)));
    let embedding = table().model("openai", "text-embedding-3-large").unwrap();
    assert_eq!((embedding.kind, embedding.max_output_tokens), (Kind::Embedding, None));
    for provider in table().providers() {
        for model in table().models(provider) {
            assert!(model.context_window > Some(0), "{}", model.name);
            for name in model.aliases.iter().chain([&model.name]) {
                assert_eq!(table().model(provider, name), Some(model), "{name}");
            }
        }
    }
    for provider in ["anthropic", "gemini", "openai"] {
        assert!(table().models(provider).count() >= 15, "{provider}");
        for tier in [Tier::Flagship, Tier::Balanced, Tier::Budget] {
            assert!(
                table().models(provider).any(|m| m.kind == Kind::Chat && m.tier == tier),
                "{provider} {tier:?}"
            );
        }
        for model in table().models(provider) {
            let chat = model.kind == Kind::Chat;
            assert_eq!(chat, model.max_output_tokens.is_some(), "{}", model.name);
        }
    }
}

fn overrides(toml: &str) -> Vec<PriceOverride> {
    #[derive(serde::Deserialize)]
    struct File {
        prices: Vec<PriceOverride>,
    }
    toml::from_str::<File>(toml).expect("overrides parse").prices
}

#[test]
fn configuration_overlays_the_tables() {
    let laid_over = table().with_overrides(&overrides(
        r#"
        [[prices]]
        provider = "ollama"
        price = "free"

        [[prices]]
        provider = "ollama"
        model = "big:70b"
        price = { input = "0.50", output = 1.5, above = [{ prompt_tokens = 8000, input = 1, output = 3 }] }
        context_window = 131072

        [[prices]]
        provider = "openai"
        model = "gpt-4o-2024-08-06"
        price = { input = "1", output = "1" }

        [[prices]]
        provider = "openai"
        model = "gpt-4.1"
        price = { input = "9", output = "9" }
        "#,
    ));
    let price = |provider, model| laid_over.price(provider, model, NOVEMBER_20);
    assert!(price("ollama", "llama4:8b").unwrap().is_free());
    let big = price("ollama", "big:70b").unwrap();
    assert_eq!(big.rates(8000).output, PerMillion::from_nano(1_500_000_000));
    assert_eq!(big.rates(8001).output, PerMillion::from_nano(3_000_000_000));
    assert_eq!(laid_over.model("ollama", "big:70b").unwrap().context_window, Some(131_072));
    // A pin priced on its own leaves its base alone; a base keeps its facts and its aliases.
    assert_eq!(
        price("openai", "gpt-4o-2024-08-06").unwrap().rates(1).input,
        PerMillion::from_nano(1_000_000_000)
    );
    assert_eq!(price("openai", "gpt-4o").unwrap().rates(1).input, PerMillion::from_nano(2_500_000_000));
    assert_eq!(
        price("openai", "gpt-4.1-2025-04-14").unwrap().rates(1).input,
        PerMillion::from_nano(9_000_000_000)
    );
    assert_eq!(laid_over.model("openai", "gpt-4.1").unwrap().max_output_tokens, Some(32_768));
    assert_eq!(table().price("ollama", "llama4:8b", NOVEMBER_20), None, "the built-in table is untouched");
}

#[test]
fn a_wrong_override_says_what_is_allowed() {
    let parse = |price: &str| toml::from_str::<PriceOverride>(&format!("provider = \"x\"\nprice = {price}"));
    let message = parse("\"gratis\"").unwrap_err().to_string();
    assert!(
        message.contains("gratis") && message.contains("free") && message.contains("per 1M tokens"),
        "{message}"
    );
    for price in ["0", "{}", "{ input = \"-1\" }", "{ input = \"1\", colour = \"2\" }", "{ input = \"1e3\" }"]
    {
        assert!(parse(price).is_err(), "{price}");
    }
    assert_eq!(
        parse("{ input = 0.1 }").unwrap().price,
        CustomPrice(Price::flat(Rates { input: PerMillion::from_nano(100_000_000), ..Rates::default() }))
    );
}

#[test]
fn a_reservation_takes_the_dearest_rate_in_reach() {
    let reserve = |provider, model, input, output| {
        table().price(provider, model, NOVEMBER_20).unwrap().reserve(input, output).nano()
    };
    assert_eq!(reserve("openai", "gpt-4o", 1000, 500), 7_500_000);
    // Cache writes: 1000 × 6.25 + 100 × 25.
    assert_eq!(reserve("anthropic", "claude-opus-4-8", 1000, 100), 8_750_000);
    let opus = table().price("anthropic", "claude-opus-4-8", NOVEMBER_20).unwrap();
    // Hour-long writes: 1000 × 10 + 100 × 25.
    assert_eq!(opus.reserve_long_writes(1000, 100).nano(), 12_500_000);
    // Past the threshold: 200001 × 2.50 + 10 × 15.
    assert_eq!(reserve("gemini", "gemini-2.5-pro", 200_001, 10), 500_152_500);
    // Any part of a nano-USD counts whole: 1 × 0.000000001.
    let tiny = Price::flat(Rates { input: PerMillion::from_nano(1), ..Rates::default() });
    assert_eq!(
        (tiny.reserve(1, 0).nano(), tiny.cost(&TokenCounts { input: 1, ..TokenCounts::default() }).nano()),
        (1, 0)
    );
    assert_eq!(Price::free().reserve(u64::MAX, u64::MAX), Nano::ZERO);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bill_within_the_estimate_passes_the_reservation(
        which in any::<proptest::sample::Index>(), input in 0u64..600_000, output in 0u64..200_000,
        cuts in proptest::array::uniform4(0u64..=100), share in 0u64..=100,
    ) {
        let models: Vec<_> = table().providers().flat_map(|p| table().models(p)).collect();
        let model = which.get(&models);
        let price = table().price(&model.provider, &model.name, NOVEMBER_20).unwrap();
        let used = input * share / 100;
        let part = |cut: u64| used * cut / 400;
        let counts = TokenCounts {
            input: used, cached_input: part(cuts[0]), cache_write: part(cuts[1]), cache_write_1h: part(cuts[2]),
            audio_input: part(cuts[3]), output: output * share / 100, ..TokenCounts::default()
        };
        prop_assert!(price.cost(&counts) <= price.reserve_long_writes(input, output));
        let short = TokenCounts { cache_write_1h: 0, ..counts };
        prop_assert!(price.cost(&short) <= price.reserve(input, output));
    }
}
