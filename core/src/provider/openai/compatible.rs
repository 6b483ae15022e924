//! The table of providers that speak OpenAI's protocol. A row says only where it differs.

use super::contract::Contract::{Answers, Hearing, JsonSchema, LogProbs, Speech, Tools};
use super::dialect::{Auth, Dialect, Limit, Paths, Thinking};

/// All rows.
pub(super) const ROWS: &[&Dialect] = &[
    &OPENAI,
    &AZURE,
    &CEREBRAS,
    &DEEPSEEK,
    &FIREWORKS,
    &GEMINI_OPENAI,
    &GROQ,
    &LLAMACPP,
    &LMSTUDIO,
    &LOCKGATE,
    &MISTRAL,
    &OPENROUTER,
    &PERPLEXITY,
    &TOGETHER,
    &VLLM,
    &XAI,
];

/// Models of OpenAI's that refuse `max_tokens`.
const REASONING: &[&str] = &["o1", "o3", "o4", "gpt-5", "gpt-6", "codex", "computer-use"];

pub(super) const OPENAI: Dialect = Dialect {
    name: "openai",
    base_url: Some("https://api.openai.com/v1"),
    key_variables: &["OPENAI_API_KEY"],
    address_variables: &["OPENAI_BASE_URL"],
    local: false,
    auth: Auth::Bearer,
    paths: Paths::Plain,
    limit: Limit::ByModel(REASONING),
    stream_options: true,
    developer: true,
    thinking: Thinking::LeftOut,
    thinking_in_total: false,
    takes: &[],
    thinking_required: false,
    cache_control: false,
    message_fields: None,
    short_tool_ids: false,
    required: "required",
    seed: "seed",
    dimensions: "dimensions",
    left_out: &[],
    refused: &[],
};

/// What is not in the table is taken to be as strict as OpenAI.
pub(super) const GENERIC: Dialect =
    Dialect { name: "the provider", base_url: None, key_variables: &[], address_variables: &[], ..OPENAI };

/// What the providers below have in common.
const COMPATIBLE: Dialect = Dialect { limit: Limit::MaxTokens, developer: false, ..GENERIC };

const AZURE: Dialect = Dialect {
    name: "azure",
    key_variables: &["AZURE_OPENAI_API_KEY"],
    address_variables: &["AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_BASE_URL"],
    auth: Auth::ApiKey,
    paths: Paths::Azure,
    ..GENERIC
};

const CEREBRAS: Dialect = Dialect {
    name: "cerebras",
    base_url: Some("https://api.cerebras.ai/v1"),
    key_variables: &["CEREBRAS_API_KEY"],
    address_variables: &["CEREBRAS_BASE_URL"],
    limit: Limit::MaxCompletionTokens,
    left_out: &[
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "service_tier",
        "metadata",
        "store",
        "safety_identifier",
        "prompt_cache_key",
        "verbosity",
        "prediction",
    ],
    refused: &[Answers, Hearing, Speech],
    ..COMPATIBLE
};

const DEEPSEEK: Dialect = Dialect {
    name: "deepseek",
    base_url: Some("https://api.deepseek.com"),
    key_variables: &["DEEPSEEK_API_KEY"],
    address_variables: &["DEEPSEEK_BASE_URL"],
    thinking: Thinking::Field("reasoning_content"),
    thinking_required: true,
    left_out: &["seed", "logit_bias", "parallel_tool_calls", "prediction", "verbosity"],
    refused: &[Answers, JsonSchema, Hearing, Speech],
    ..COMPATIBLE
};

const FIREWORKS: Dialect = Dialect {
    name: "fireworks",
    base_url: Some("https://api.fireworks.ai/inference/v1"),
    key_variables: &["FIREWORKS_API_KEY"],
    address_variables: &["FIREWORKS_BASE_URL"],
    thinking: Thinking::Field("reasoning_content"),
    left_out: &["store", "verbosity"],
    refused: &[Speech],
    ..COMPATIBLE
};

/// Google's own endpoint of this protocol; the provider `gemini` speaks Google's.
const GEMINI_OPENAI: Dialect = Dialect {
    name: "gemini-openai",
    base_url: Some("https://generativelanguage.googleapis.com/v1beta/openai"),
    thinking_in_total: true,
    takes: &["extra_content"],
    left_out: &["logit_bias", "service_tier", "store", "safety_identifier", "prompt_cache_key", "verbosity"],
    refused: &[Speech],
    ..COMPATIBLE
};

/// It refuses every field that it does not know.
const GROQ: Dialect = Dialect {
    name: "groq",
    base_url: Some("https://api.groq.com/openai/v1"),
    key_variables: &["GROQ_API_KEY"],
    address_variables: &["GROQ_BASE_URL"],
    limit: Limit::MaxCompletionTokens,
    thinking: Thinking::Field("reasoning"),
    message_fields: Some(&["role", "content", "tool_calls", "tool_call_id", "reasoning"]),
    left_out: &[
        "logit_bias",
        "metadata",
        "store",
        "prediction",
        "verbosity",
        "safety_identifier",
        "prompt_cache_key",
    ],
    refused: &[Answers, LogProbs, Hearing, Speech],
    ..COMPATIBLE
};

const LLAMACPP: Dialect = Dialect {
    name: "llamacpp",
    base_url: Some("http://127.0.0.1:8080/v1"),
    key_variables: &["LLAMACPP_API_KEY"],
    address_variables: &["LLAMACPP_BASE_URL"],
    ..OWN_SERVER
};

const LMSTUDIO: Dialect = Dialect {
    name: "lmstudio",
    base_url: Some("http://127.0.0.1:1234/v1"),
    key_variables: &["LMSTUDIO_API_KEY"],
    address_variables: &["LMSTUDIO_BASE_URL"],
    ..OWN_SERVER
};

/// Another gateway of this kind, which takes whatever one gives.
const LOCKGATE: Dialect = Dialect {
    name: "lockgate",
    thinking: Thinking::Field("reasoning_content"),
    takes: &[
        "thinking_blocks",
        "reasoning",
        "reasoning_details",
        "content_parts",
        "content_blocks",
        "citations",
        "gemini_parts",
        "extra_content",
        "caller",
    ],
    cache_control: true,
    ..GENERIC
};

/// It refuses every field that it does not know.
const MISTRAL: Dialect = Dialect {
    name: "mistral",
    base_url: Some("https://api.mistral.ai/v1"),
    key_variables: &["MISTRAL_API_KEY"],
    address_variables: &["MISTRAL_BASE_URL"],
    stream_options: false,
    thinking: Thinking::Part,
    message_fields: Some(&["role", "content", "tool_calls", "tool_call_id", "prefix"]),
    short_tool_ids: true,
    required: "any",
    seed: "random_seed",
    dimensions: "output_dimension",
    left_out: &[
        "user",
        "metadata",
        "store",
        "service_tier",
        "logit_bias",
        "prediction",
        "verbosity",
        "safety_identifier",
    ],
    refused: &[LogProbs, Hearing, Speech],
    ..COMPATIBLE
};

const OPENROUTER: Dialect = Dialect {
    name: "openrouter",
    base_url: Some("https://openrouter.ai/api/v1"),
    key_variables: &["OPENROUTER_API_KEY"],
    address_variables: &["OPENROUTER_BASE_URL"],
    thinking: Thinking::Field("reasoning"),
    takes: &["reasoning_details"],
    cache_control: true,
    ..COMPATIBLE
};

const PERPLEXITY: Dialect = Dialect {
    name: "perplexity",
    base_url: Some("https://api.perplexity.ai"),
    key_variables: &["PERPLEXITY_API_KEY"],
    address_variables: &["PERPLEXITY_BASE_URL"],
    stream_options: false,
    message_fields: Some(&["role", "content"]),
    left_out: &["seed", "user", "metadata", "store", "service_tier", "logit_bias", "parallel_tool_calls"],
    refused: &[Answers, LogProbs, Hearing, Speech, Tools],
    ..COMPATIBLE
};

const TOGETHER: Dialect = Dialect {
    name: "together",
    base_url: Some("https://api.together.xyz/v1"),
    key_variables: &["TOGETHER_API_KEY"],
    address_variables: &["TOGETHER_BASE_URL"],
    thinking: Thinking::Field("reasoning"),
    left_out: &["user", "metadata", "store", "service_tier", "prediction", "verbosity"],
    refused: &[Hearing, Speech],
    ..COMPATIBLE
};

const VLLM: Dialect = Dialect {
    name: "vllm",
    base_url: Some("http://127.0.0.1:8000/v1"),
    key_variables: &["VLLM_API_KEY"],
    address_variables: &["VLLM_BASE_URL"],
    ..OWN_SERVER
};

const XAI: Dialect = Dialect {
    name: "xai",
    base_url: Some("https://api.x.ai/v1"),
    key_variables: &["XAI_API_KEY"],
    address_variables: &["XAI_BASE_URL"],
    limit: Limit::MaxCompletionTokens,
    thinking: Thinking::Field("reasoning_content"),
    left_out: &[
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "metadata",
        "store",
        "prediction",
        "verbosity",
    ],
    refused: &[Hearing, Speech],
    ..COMPATIBLE
};

/// A server that people run themselves.
const OWN_SERVER: Dialect = Dialect {
    local: true,
    thinking: Thinking::Field("reasoning_content"),
    left_out: &["store", "metadata", "prediction", "verbosity", "safety_identifier"],
    refused: &[Speech],
    ..COMPATIBLE
};
