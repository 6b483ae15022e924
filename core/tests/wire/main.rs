//! The wire of every provider: what goes out, what comes in, and streams split, cut and garbled everywhere.
//!
//! The fixtures are in `conformance/wire`, their form in its README. `harness.rs` has the laws, the same for every
//! provider; a line in `providers!` runs all of them. What is one provider's own is in a module of its name.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Helpers of tests.

mod case;
mod harness;
mod openai;
mod random;

use harness::Provider;
use lockgate::provider::openai::OpenAi;

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
    ($( $name:ident: $adapter:expr, $path:expr, $key:expr; )*) => {
        const PROVIDERS: &[Provider] = &[$(
            Provider { name: stringify!($name), adapter: || Box::new($adapter), path: $path, key: $key },
        )*];

        mod laws {$(
            mod $name {
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
            }
        )*}
    };
}

providers! {
    openai: OpenAi::default(), openai::path, ("authorization", "Bearer ");
}

fn provider(name: &str) -> &'static Provider {
    PROVIDERS.iter().find(|provider| provider.name == name).expect("the macro writes both")
}
