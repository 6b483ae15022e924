//! Usage as the vendors report it, and the bill worked out by hand, to the nano-USD. An answer goes through its
//! adapter, so that what a vendor counts apart or under another name is in the bill, too.
//!
//! By hand: tokens × USD per million tokens are millionths of a dollar; a thousand times that are nano-dollars.

use lockgate::pricing::{PriceOverride, PriceTable};
use lockgate::provider::token_counts;
use serde_json::{Value, json};

use crate::harness::assemble;
use crate::provider;

/// Friday, 20 November 2026, midnight UTC.
const NOVEMBER_20: i64 = 1_795_132_800_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

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
            // Up to 272,000 tokens: 2000 × 2.00 + 200000 × 0.10 + 70000 × 2.50 + 1000 × 10.00
            //   = 4000 + 20000 + 175000 + 10000
            (
                "gpt-6.2-sol",
                json!({"prompt_tokens": 272_000, "completion_tokens": 1000, "total_tokens": 273_000,
                "prompt_tokens_details": {"cached_tokens": 200_000, "cache_write_tokens": 70_000},
                "completion_tokens_details": {"reasoning_tokens": 600}}),
                209_000_000,
            ),
            // One more, and all of it is dearer: 2001 × 4.00 + 200000 × 0.20 + 70000 × 5.00 + 1000 × 15.00
            //   = 8004 + 40000 + 350000 + 15000
            (
                "gpt-6.2-sol",
                json!({"prompt_tokens": 272_001, "completion_tokens": 1000, "total_tokens": 273_001,
                "prompt_tokens_details": {"cached_tokens": 200_000, "cache_write_tokens": 70_000},
                "completion_tokens_details": {"reasoning_tokens": 600}}),
                413_004_000,
            ),
            // A prediction that was not taken is in the answer: 100 × 2.50 + 50 × 10.00
            (
                "gpt-4o-2024-08-06",
                json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
                "completion_tokens_details": {"accepted_prediction_tokens": 10, "rejected_prediction_tokens": 20}}),
                750_000,
            ),
            // No rate for cached input: 100 × 0.50 + 20 × 1.50 = 50 + 30
            (
                "gpt-3.5-turbo",
                json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 64}}),
                80_000,
            ),
            // 1 × 0.05, a twentieth of a millionth
            ("gpt-5-nano", json!({"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}), 50),
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
            // Some of it cached, some thought: (100 - 20 - 30) × 2.50 + 20 × 2.50 + 30 × 40.00 + (60 - 8) × 10.00
            //   + 8 × 80.00 = 125 + 50 + 1200 + 520 + 640
            (
                "gpt-4o-audio-preview",
                json!({"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160,
                "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 30},
                "completion_tokens_details": {"reasoning_tokens": 16, "audio_tokens": 8}}),
                2_535_000,
            ),
        ],
    );
}

/// Anthropic's form of an answer.
fn anthropic(model: &str, usage: &Value) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "stop_sequence": null, "usage": usage})
}

#[test]
fn anthropic_bills_the_cache_beside_the_input() {
    for (model, usage, nano) in [
        // 25 × 3.00 + 150 × 15.00 = 75 + 2250
        ("claude-sonnet-4-5-20250929", json!({"input_tokens": 25, "output_tokens": 150}), 2_325_000),
        // What was read from the cache is not in the input: 50 × 5.00 + 10000 × 0.50 + 400 × 25.00
        //   = 250 + 5000 + 10000
        (
            "claude-opus-4-8",
            json!({"input_tokens": 50, "cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 0,
                "output_tokens": 400, "service_tier": "standard"}),
            15_250_000,
        ),
        // Written, and nothing said of how long it is kept: five minutes. 12 × 5.00 + 1500 × 6.25 + 8 × 25.00
        //   = 60 + 9375 + 200
        (
            "claude-opus-4-8",
            json!({"input_tokens": 12, "cache_creation_input_tokens": 1500, "output_tokens": 8}),
            9_635_000,
        ),
        // Read, written for five minutes and for an hour: 100 × 1.00 + 2048 × 0.10 + 400 × 1.25 + 600 × 2.00
        //   + 77 × 5.00 = 100 + 204.8 + 500 + 1200 + 385
        (
            "claude-haiku-4-5",
            json!({"input_tokens": 100, "cache_read_input_tokens": 2048, "cache_creation_input_tokens": 1000,
                "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
                "output_tokens": 77}),
            2_389_800,
        ),
        // Thinking is part of the output: 30 × 4.00 + 900 × 20.00 = 120 + 18000
        (
            "claude-opus-5-5",
            json!({"input_tokens": 30, "output_tokens": 900, "output_tokens_details": {"thinking_tokens": 812}}),
            18_120_000,
        ),
        // The cache counts towards the length, here 100,000: 10 × 0.10 + 99990 × 0.01 + 200 × 0.50
        //   = 1 + 999.9 + 100
        (
            "claude-haiku-5-5",
            json!({"input_tokens": 10, "cache_read_input_tokens": 99_990, "output_tokens": 200}),
            1_100_900,
        ),
        // One more: 11 × 0.50 + 99990 × 0.05 + 200 × 2.50 = 5.5 + 4999.5 + 500
        (
            "claude-haiku-5-5",
            json!({"input_tokens": 11, "cache_read_input_tokens": 99_990, "output_tokens": 200}),
            5_505_000,
        ),
        // A long prompt of all kinds: 1 × 0.50 + 60000 × 0.05 + 20000 × 0.625 + 30000 × 1.00 + 10 × 2.50
        //   = 0.5 + 3000 + 12500 + 30000 + 25
        (
            "claude-haiku-5-5",
            json!({"input_tokens": 1, "cache_read_input_tokens": 60_000, "cache_creation_input_tokens": 50_000,
                "cache_creation": {"ephemeral_5m_input_tokens": 20_000, "ephemeral_1h_input_tokens": 30_000},
                "output_tokens": 10}),
            45_525_500,
        ),
    ] {
        let told = bill_at("anthropic", model, &anthropic(model, &usage), NOVEMBER_20, builtin());
        assert_eq!(told, nano, "{model}: {usage}");
    }
}

#[test]
fn anthropic_bills_at_the_rates_of_the_day() {
    const MODEL: &str = "claude-sonnet-5-5";
    let usage = json!({"input_tokens": 5, "cache_read_input_tokens": 1000, "output_tokens": 1});
    let bill = |at: i64| bill_at("anthropic", MODEL, &anthropic(MODEL, &usage), at, builtin());
    // 5 × 2.00 + 1000 × 0.10 + 1 × 10.00 = 10 + 100 + 10
    assert_eq!(bill(NOVEMBER_20), 120_000);
    // On 1 October reading the cache cost 0.20: 10 + 200 + 10
    assert_eq!(bill(NOVEMBER_20 - 50 * DAY), 220_000);
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
            // All of it cached, and half a nano-USD rounded up, once: 3 × 0.0375 = 0.1125
            (
                "openai/gpt-oss-20b",
                json!({"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 3}}),
                113,
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
            // A long prompt, partly cached: 200000 × 4.00 + 50000 × 1.00 + (10 + 90) × 12.00 = 800000 + 50000 + 1200
            ("grok-4.5", usage(250_000, 50_000, 10, 90), 851_200_000),
        ],
    );
}

#[test]
fn google_in_this_protocol_counts_thinking_in_the_total_alone() {
    let model = json!({"provider": "gemini-openai", "model": "gemini-2.5-flash", "price":
        {"input": "0.30", "output": "2.50"}});
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623});
    // 20 × 0.30 + (198 + 405) × 2.50 = 6 + 1507.5
    check("gemini-openai", &with(model), [("gemini-2.5-flash", usage.clone(), 1_513_500)]);
    let choice = json!({"index": 0, "delta": {"role": "assistant", "content": "x"}, "finish_reason": "stop"});
    let stream = format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        json!({"id": "a", "model": "m", "choices": [choice]}),
        json!({"id": "a", "model": "m", "choices": [], "usage": usage}),
    );
    let (events, ended) = provider("gemini-openai").decode([stream.as_bytes()]);
    ended.unwrap();
    let counts = token_counts(&assemble(&events).unwrap().usage.unwrap());
    assert_eq!((counts.input, counts.output, counts.reasoning), (20, 603, 405));
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
fn perplexity_bills_its_tokens_as_its_settings_say() {
    let model =
        json!({"provider": "perplexity", "model": "sonar", "price": {"input": "1.00", "output": "1.00"}});
    check(
        "perplexity",
        &with(model),
        [
            // 9 × 1.00 + 4 × 1.00. What it takes for a search is no matter of tokens, and not in a price here.
            (
                "sonar",
                json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "search_context_size": "low",
                "cost": {"input_tokens_cost": 9e-6, "output_tokens_cost": 4e-6, "request_cost": 0.005}}),
                13_000,
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
fn gemini_bills_thinking_and_tools_beside_its_counts() {
    for (model, usage, nano) in [
        // 67 × 1.25 + 40 × 0.125 + (20 + 300) × 10.00 = 83.75 + 5 + 3200
        (
            "gemini-2.5-pro",
            json!({"promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 20,
                "thoughtsTokenCount": 300, "toolUsePromptTokenCount": 7, "totalTokenCount": 427}),
            3_288_750,
        ),
        // A long prompt: 200001 × 2.50 + (1 + 2) × 15.00 = 500002.5 + 45
        (
            "gemini-2.5-pro",
            json!({"promptTokenCount": 200_001, "candidatesTokenCount": 1, "thoughtsTokenCount": 2}),
            500_047_500,
        ),
        // Up to 200,000 tokens: 50000 × 1.25 + 150000 × 0.125 + 10 × 10.00 = 62500 + 18750 + 100
        (
            "gemini-2.5-pro",
            json!({"promptTokenCount": 200_000, "cachedContentTokenCount": 150_000, "candidatesTokenCount": 10}),
            81_350_000,
        ),
        // One more: 50001 × 2.50 + 150000 × 0.25 + 10 × 15.00 = 125002.5 + 37500 + 150
        (
            "gemini-2.5-pro",
            json!({"promptTokenCount": 200_001, "cachedContentTokenCount": 150_000, "candidatesTokenCount": 10}),
            162_652_500,
        ),
        // Sound has its rate: 100 × 0.10 + 3200 × 0.30 + 40 × 0.40 = 10 + 960 + 16
        (
            "gemini-2.5-flash-lite",
            json!({"promptTokenCount": 3300, "candidatesTokenCount": 40, "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 3200}]}),
            986_000,
        ),
        // Where a model has no rate for sound it is input: 100 × 2.00 + 10 × 10.00 = 200 + 100
        (
            "gemini-4-argon",
            json!({"promptTokenCount": 100, "candidatesTokenCount": 10, "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 30}, {"modality": "AUDIO", "tokenCount": 70}]}),
            300_000,
        ),
        // Sound that was cached is billed as cached: 20 × 0.30 + 60 × 0.03 + 20 × 1.00 + 40 × 2.50 = 6 + 1.8 + 20 + 100
        (
            "gemini-2.5-flash",
            json!({"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 10,
                "thoughtsTokenCount": 30,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 80}],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}]}),
            127_800,
        ),
    ] {
        let content = json!({"parts": [{"text": "x"}], "role": "model"});
        let candidate = json!({"content": content, "finishReason": "STOP", "index": 0});
        let answer = json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model});
        assert_eq!(bill_at("gemini", model, &answer, NOVEMBER_20, builtin()), nano, "{model}: {usage}");
    }
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
