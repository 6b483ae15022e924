//! A caller who leaves after any number of pieces of a stream: billed is the usage reported if it was received, else
//! the tokens counted in what was read.

use futures_util::StreamExt;
use lockgate::settle::Outcome;
use lockgate::store::RowFilter;
use lockgate::types::ChatRequest;

use crate::house::{rows, settings, sim};
use crate::vendors::{VENDORS, counted};

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
        let bytes: usize = whole
            .iter()
            .flat_map(|chunk| &chunk.as_ref().unwrap().choices)
            .filter_map(|choice| choice.delta.content.as_ref().map(String::len))
            .sum();
        let bytes = bytes as u64;
        let mut reported = 0;
        for pieces in 0..=whole.len() {
            let mut stream = gateway.chat_stream(question(pieces)).await.unwrap();
            for _ in 0..pieces {
                stream.next().await.unwrap().unwrap();
            }
            drop(stream);
            let row = gateway_row(&gateway).await;
            let call = sim.settled().await.pop().unwrap();
            let cell = format!("{} after {pieces} of {}: {row:?}", vendor.name, whole.len());
            if row.estimated {
                assert_eq!(row.outcome, Outcome::Cancelled, "{cell}");
                // No token is shorter than a byte.
                assert!(row.tokens.output <= bytes, "{cell}");
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

async fn gateway_row(gateway: &lockgate::Gateway) -> lockgate::settle::Row {
    rows(gateway).await;
    gateway.rows(&RowFilter { most: 1, ..RowFilter::default() }).await.unwrap().remove(0)
}
