//! A caller who leaves after any number of pieces of a stream: billed is the usage reported if it was received, else
//! the tokens counted in what was read.

use futures_util::StreamExt;
use lockgate::settle::Outcome;
use lockgate::store::RowFilter;
use lockgate::tokens;
use lockgate::types::{ChatRequest, Chunk};

use crate::house::{rows, settings, sim};
use crate::vendors::{VENDORS, counted};

/// Tokens that the place of a cut may make more or fewer.
const CUT: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_any_piece_is_billed_by_what_was_received() {
    for vendor in VENDORS {
        let sim = sim().await;
        let gateway = vendor
            .configure(settings(&sim), &vendor.base_url(&sim))
            .set("timeouts.idle_ms", 5_000)
            .build()
            .await
            .unwrap();
        let question = |n: usize| ChatRequest::new(vendor.target()).user(format!("count to 12 ({n})"));
        // As a whole first: so many pieces there are.
        let whole: Vec<_> = gateway.chat_stream(question(usize::MAX)).await.unwrap().collect().await;
        let all: String = whole.iter().map(|chunk| text(chunk.as_ref().unwrap())).collect();
        let mut reported = 0;
        for pieces in 0..=whole.len() {
            let mut stream = gateway.chat_stream(question(pieces)).await.unwrap();
            let mut taken = String::new();
            for _ in 0..pieces {
                taken.push_str(&text(&stream.next().await.unwrap().unwrap()));
            }
            drop(stream);
            let row = gateway_row(&gateway).await;
            let call = sim.settled().await.pop().unwrap();
            let cell = format!("{} after {pieces} of {}: {row:?}", vendor.name, whole.len());
            if row.estimated {
                assert_eq!(row.outcome, Outcome::Cancelled, "{cell}");
                // More may have been read than the caller took, and where a text is cut its tokens are others.
                let (least, most) = (tokens::count(&taken), tokens::count(&all));
                assert!(row.tokens.output + CUT >= least && row.tokens.output <= most + CUT, "{cell}");
                assert!(pieces < 4 || row.tokens.output > 0, "{cell}");
                assert!(row.tokens.input > 0, "{cell}");
            } else {
                let (input, output) = counted(vendor, call.usage_sent.as_ref().expect("usage was received"));
                assert_eq!((row.tokens.input, row.tokens.output), (input, output), "{cell}");
                reported += 1;
            }
        }
        assert!(reported > 0, "{}: a whole stream is billed by its report", vendor.name);
    }
}

fn text(chunk: &Chunk) -> String {
    chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref()).collect()
}

async fn gateway_row(gateway: &lockgate::Gateway) -> lockgate::settle::Row {
    rows(gateway).await;
    gateway.rows(&RowFilter { most: 1, ..RowFilter::default() }).await.unwrap().remove(0)
}
