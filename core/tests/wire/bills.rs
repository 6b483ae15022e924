//! Usage as the vendors report it, and the bill worked out by hand, to the nano-USD. An answer goes through its
//! adapter, so that what a vendor counts apart or under another name is in the bill, too.
//!
//! By hand: tokens × USD per million tokens are millionths of a dollar; a thousand times that are nano-dollars.

use lockgate::pricing::{PriceOverride, PriceTable};
use lockgate::provider::token_counts;
use serde_json::{Value, json};

use crate::provider;

/// Friday, 20 November 2026, midnight UTC.
const NOVEMBER_20: i64 = 1_795_132_800_000;
const HOUR: i64 = 3_600_000;

/// What an answer of the vendor's costs.
fn bill_at(vendor: &str, model: &str, body: &Value, at: i64, prices: &PriceTable) -> i64 {
    let answer = (provider(vendor).adapter)().answer(body.to_string().as_bytes());
    let answer = answer.unwrap_or_else(|failure| panic!("{vendor}/{model}: {failure}"));
    let counts = token_counts(&answer.usage.expect("the answer tells usage"));
    let price = prices.price(vendor, model, at).unwrap_or_else(|| panic!("{vendor}/{model} has no price"));
    price.cost(&counts).nano()
}

fn builtin() -> &'static PriceTable {
    PriceTable::builtin().expect("the embedded tables parse")
}

/// OpenAI's form of an answer.
fn openai(usage: Value) -> Value {
    let message = json!({"role": "assistant", "content": "x"});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    json!({"id": "a", "model": "m", "choices": [choice], "usage": usage})
}

fn check(vendor: &str, prices: &PriceTable, bills: impl IntoIterator<Item = (&'static str, Value, i64)>) {
    for (model, usage, nano) in bills {
        let told = bill_at(vendor, model, &openai(usage.clone()), NOVEMBER_20, prices);
        assert_eq!(told, nano, "{vendor}/{model}: {usage}");
    }
}

/// The built-in prices and one more, as a setting has it.
fn with(setting: Value) -> PriceTable {
    let price: PriceOverride = serde_json::from_value(setting).expect("a price");
    builtin().with_overrides(&[price])
}

#[test]
fn openai_bills() {
    check(
        "openai",
        builtin(),
        [
            // 86 × 2.00 + 1920 × 0.50 + 300 × 8.00 = 172 + 960 + 2400
            (
                "gpt-4.1",
                json!({"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0}}),
                3_532_000,
            ),
            // Thinking is part of the answer: 9 × 1.10 + 256 × 4.40 = 9.9 + 1126.4
            (
                "o4-mini",
                json!({"prompt_tokens": 9, "completion_tokens": 256, "total_tokens": 265,
                "completion_tokens_details": {"reasoning_tokens": 256}}),
                1_136_300,
            ),
            // 1028 × 4.00 + 1024 × 0.40 + 2048 × 5.00 + 20 × 20.00 = 4112 + 409.6 + 10240 + 400
            (
                "gpt-5.6-sol",
                json!({"prompt_tokens": 4100, "completion_tokens": 20, "total_tokens": 4120,
                "prompt_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 2048}}),
                15_161_600,
            ),
        ],
    );
    let audio = json!({"provider": "openai", "model": "gpt-4o-audio-preview", "price":
        {"input": "2.50", "output": "10.00", "audio_input": "40.00", "audio_output": "80.00"}});
    check(
        "openai",
        &with(audio),
        [
            // 14 × 2.50 + 71 × 40.00 + 12 × 10.00 + 48 × 80.00 = 35 + 2840 + 120 + 3840
            (
                "gpt-4o-audio-preview",
                json!({"prompt_tokens": 85, "completion_tokens": 60, "total_tokens": 145,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 71},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 48}}),
                6_835_000,
            ),
        ],
    );
}

#[test]
fn azure_bills_what_its_settings_say() {
    let deployment = json!({"provider": "azure", "model": "prod-gpt-4o", "price":
        {"input": "2.75", "cached_input": "1.375", "output": "11.00"}});
    check(
        "azure",
        &with(deployment),
        [
            // 76 × 2.75 + 1024 × 1.375 + 7 × 11.00 = 209 + 1408 + 77
            (
                "prod-gpt-4o",
                json!({"prompt_tokens": 1100, "completion_tokens": 7, "total_tokens": 1107,
                "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0}}),
                1_694_000,
            ),
        ],
    );
    assert!(builtin().price("azure", "prod-gpt-4o", NOVEMBER_20).is_none(), "a deployment has any name");
}

#[test]
fn groq_bills() {
    check(
        "groq",
        builtin(),
        [
            // 17 × 0.075 + 64 × 0.0375 + 34 × 0.30 = 1.275 + 2.4 + 10.2
            (
                "openai/gpt-oss-20b",
                json!({"queue_time": 0.047, "prompt_tokens": 81, "prompt_time": 0.0038, "completion_tokens": 34,
                "completion_time": 0.033, "total_tokens": 115, "total_time": 0.037,
                "prompt_tokens_details": {"cached_tokens": 64}}),
                13_875,
            ),
            // 100 × 0.59 + 10 × 0.79 = 59 + 7.9
            (
                "llama-3.3-70b-versatile",
                json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}),
                66_900,
            ),
        ],
    );
}

#[test]
fn deepseek_bills_by_the_hour() {
    let usage = json!({"prompt_tokens": 1200, "completion_tokens": 90, "total_tokens": 1290,
        "prompt_cache_hit_tokens": 1088, "prompt_cache_miss_tokens": 112,
        "completion_tokens_details": {"reasoning_tokens": 60}});
    let body = openai(usage);
    for (hour, nano) in [
        // 112 × 0.15 + 1088 × 0.003 + 90 × 0.60 = 16.8 + 3.264 + 54
        (0, 74_064),
        // At 02:00 UTC on a Friday: 112 × 0.30 + 1088 × 0.006 + 90 × 1.20 = 33.6 + 6.528 + 108
        (2, 148_128),
        // On Saturday at 02:00 the lower rates hold.
        (26, 74_064),
    ] {
        for model in ["deepseek-flash", "deepseek-v4-flash"] {
            let told = bill_at("deepseek", model, &body, NOVEMBER_20 + hour * HOUR, builtin());
            assert_eq!(told, nano, "{model} at {hour}:00");
        }
    }
    // The same, as newer answers tell it.
    check(
        "deepseek",
        builtin(),
        [
            // 48 × 0.66 + 1152 × 0.022 + 3 × 1.98 = 31.68 + 25.344 + 5.94
            (
                "deepseek-v4-pro",
                json!({"prompt_tokens": 1200, "completion_tokens": 3, "total_tokens": 1203,
                "prompt_tokens_details": {"cached_tokens": 1152}, "prompt_cache_hit_tokens": 1152}),
                62_964,
            ),
        ],
    );
}

#[test]
fn xai_bills_thinking_beside_the_answer() {
    let usage = |prompt: u64, cached: u64, answer: u64, thinking: u64| {
        json!({"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer + thinking,
            "prompt_tokens_details": {"text_tokens": prompt, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": thinking, "audio_tokens": 0}, "num_sources_used": 0})
    };
    check(
        "xai",
        builtin(),
        [
            // 4 × 1.25 + 8 × 0.20 + (2 + 228) × 2.50 = 5 + 1.6 + 575
            ("grok-4.3", usage(12, 8, 2, 228), 581_600),
            // Without thinking: 12 × 1.25 + 2 × 2.50 = 15 + 5
            ("grok-4.20-0309-non-reasoning", usage(12, 0, 2, 0), 20_000),
            // A long prompt: 200001 × 2.50 + (1 + 1) × 5.00 = 500002.5 + 10
            ("grok-4.3", usage(200_001, 0, 1, 1), 500_012_500),
        ],
    );
}

#[test]
fn mistral_bills() {
    check(
        "mistral",
        builtin(),
        [
            // 16 × 0.15 + 34 × 0.60 = 2.4 + 20.4
            (
                "mistral-small-2603",
                json!({"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50}),
                22_800,
            ),
            // Vectors: 3 × 0.10
            ("mistral-embed", json!({"prompt_tokens": 3, "total_tokens": 3, "completion_tokens": 0}), 300),
        ],
    );
}

#[test]
fn openrouter_bills_what_its_settings_say() {
    let model = json!({"provider": "openrouter", "model": "anthropic/claude-sonnet-4.5", "price":
        {"input": "3.00", "cached_input": "0.30", "cache_write": "3.75", "output": "15.00"}});
    check(
        "openrouter",
        &with(model),
        [
            // 66 × 3.00 + 128 × 0.30 + 100 × 3.75 + 12 × 15.00 = 198 + 38.4 + 375 + 180
            (
                "anthropic/claude-sonnet-4.5",
                json!({"prompt_tokens": 294, "completion_tokens": 12, "total_tokens": 306,
                "prompt_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 100, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 4},
                "cost": 0.0007914, "is_byok": false, "cost_details": {"upstream_inference_cost": null}}),
                791_400,
            ),
        ],
    );
}

#[test]
fn together_fireworks_and_cerebras_bill() {
    check(
        "together",
        builtin(),
        [
            // No rate for cached input: 40 × 0.88 + 3 × 0.88
            (
                "meta-llama/Llama-3.3-70B-Instruct-Turbo",
                json!({"prompt_tokens": 40, "completion_tokens": 3, "total_tokens": 43, "cached_tokens": 32}),
                37_840,
            ),
            // 8 × 1.20 + 32 × 0.20 + 3 × 4.50 = 9.6 + 6.4 + 13.5
            (
                "moonshotai/Kimi-K2.6",
                json!({"prompt_tokens": 40, "completion_tokens": 3, "total_tokens": 43, "cached_tokens": 32}),
                29_500,
            ),
        ],
    );
    check(
        "fireworks",
        builtin(),
        [
            // 20 × 0.15 + 10 × 0.015 + 4 × 0.60 = 3 + 0.15 + 2.4
            (
                "accounts/fireworks/models/gpt-oss-120b",
                json!({"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34,
                "prompt_tokens_details": {"cached_tokens": 10}}),
                5_550,
            ),
        ],
    );
    check(
        "cerebras",
        builtin(),
        [
            // 80 × 0.35 + 30 × 0.75 = 28 + 22.5
            (
                "gpt-oss-120b",
                json!({"prompt_tokens": 80, "completion_tokens": 30, "total_tokens": 110,
                "prompt_tokens_details": {"cached_tokens": 64}}),
                50_500,
            ),
        ],
    );
}

#[test]
fn ollama_costs_nothing_unless_a_price_is_set() {
    let answer = json!({"model": "llama3.2", "created_at": "2026-10-17T23:14:07.414671Z", "done": true,
        "message": {"role": "assistant", "content": "Paris."}, "done_reason": "stop", "total_duration": 174_563_334_u64,
        "load_duration": 101_397_084, "prompt_eval_count": 38, "prompt_eval_duration": 13_074_791, "eval_count": 3,
        "eval_duration": 52_479_709});
    let bill = |price: Value| bill_at("ollama", "llama3.2", &answer, NOVEMBER_20, &with(price));
    // As its settings say by themselves.
    assert_eq!(bill(json!({"provider": "ollama", "price": "free"})), 0);
    // 38 × 0.02 + 3 × 0.10 = 0.76 + 0.3
    assert_eq!(bill(json!({"provider": "ollama", "price": {"input": "0.02", "output": "0.10"}})), 1_060);
}
