//! The wire of every provider: what goes out, what comes in, and streams split, cut and garbled everywhere.
//!
//! The fixtures are in `conformance/wire`, their form in its README. `harness.rs` has the laws, the same for every
//! provider; a line in `providers!` runs all of them. What is one provider's own is in a module of its name.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Helpers of tests.

mod anthropic;
mod bills;
mod case;
mod compatible;
mod gemini;
mod harness;
mod ollama;
mod openai;
mod random;
mod registry;
mod switching;

use harness::Provider;
use lockgate::provider::anthropic::Anthropic;
use lockgate::provider::gemini::Gemini;
use lockgate::provider::ollama::Ollama;
use lockgate::provider::openai::{Dialect, OpenAi};

/// A test for each law.
macro_rules! tests {
    ($( $law:ident ),* $(,)?) => {$(
        #[test]
        fn $law() {
            $crate::harness::$law($crate::provider(NAME));
        }
    )*};
}

/// One line a provider: its folder, its adapter, the path below the base URL that a case goes to unless it says
/// otherwise, and the header that carries the key, with what stands before it.
macro_rules! providers {
    (
        protocols { $( $name:ident: $adapter:expr, $path:expr, $key:expr; )* }
        dialects { $( $dialect:ident: $folder:literal, $speaks:expr, $to:expr, $with:expr; )* }
    ) => {
        const PROVIDERS: &[Provider] = &[
            $( Provider { name: stringify!($name), adapter: || Box::new($adapter), path: $path, key: $key }, )*
            $( Provider { name: $folder, adapter: || Box::new($speaks), path: $to, key: $with }, )*
        ];

        mod laws {
            $( mod $name {
                const NAME: &str = stringify!($name);
                tests!(
                    requests_go_out_as_the_fixtures_say,
                    answers_come_in_as_the_fixtures_say,
                    a_stream_split_at_every_byte_reads_the_same,
                    a_stream_cut_before_its_end_is_never_whole,
                    line_ends_and_comments_change_nothing,
                    a_line_without_end_is_refused,
                    a_replayed_answer_assembles_to_itself,
                    what_we_stream_reads_as_what_we_were_told,
                    any_bytes_decode_the_same_however_they_are_split,
                );
            } )*
            // Their parser is OpenAI's, which random bytes have met above.
            $( mod $dialect {
                const NAME: &str = $folder;
                tests!(
                    requests_go_out_as_the_fixtures_say,
                    answers_come_in_as_the_fixtures_say,
                    a_stream_split_at_every_byte_reads_the_same,
                    a_stream_cut_before_its_end_is_never_whole,
                    line_ends_and_comments_change_nothing,
                    a_replayed_answer_assembles_to_itself,
                    what_we_stream_reads_as_what_we_were_told,
                );
            } )*
        }
    };
}

providers! {
    protocols {
        openai: OpenAi::default(), openai::path, BEARER;
        anthropic: Anthropic, anthropic::path, ("x-api-key", "");
        gemini: Gemini, gemini::path, ("x-goog-api-key", "");
        ollama: Ollama, ollama::path, BEARER;
    }
    dialects {
        azure: "azure", dialect("azure").api_version(Some("2024-10-21")), compatible::azure_path, ("api-key", "");
        cerebras: "cerebras", dialect("cerebras"), openai::path, BEARER;
        deepseek: "deepseek", dialect("deepseek"), openai::path, BEARER;
        fireworks: "fireworks", dialect("fireworks"), openai::path, BEARER;
        gemini_openai: "gemini-openai", dialect("gemini-openai"), openai::path, BEARER;
        groq: "groq", dialect("groq"), openai::path, BEARER;
        llamacpp: "llamacpp", dialect("llamacpp"), openai::path, BEARER;
        lmstudio: "lmstudio", dialect("lmstudio"), openai::path, BEARER;
        lockgate: "lockgate", dialect("lockgate"), openai::path, BEARER;
        mistral: "mistral", dialect("mistral"), openai::path, BEARER;
        openrouter: "openrouter", dialect("openrouter"), openai::path, BEARER;
        perplexity: "perplexity", dialect("perplexity"), openai::path, BEARER;
        together: "together", dialect("together"), openai::path, BEARER;
        vllm: "vllm", dialect("vllm"), openai::path, BEARER;
        xai: "xai", dialect("xai"), openai::path, BEARER;
    }
}

const BEARER: (&str, &str) = ("authorization", "Bearer ");

fn dialect(name: &str) -> OpenAi {
    OpenAi::new(Dialect::named(name).expect("the table has it"))
}

fn provider(name: &str) -> &'static Provider {
    PROVIDERS.iter().find(|provider| provider.name == name).expect("the macro writes both")
}
