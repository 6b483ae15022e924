//! An answer in pieces. The last piece says what it cost.
//!
//! `OPENAI_API_KEY=sk-… cargo run --example stream`

#![allow(clippy::print_stdout, reason = "an example shows what came")]

use std::io::Write;
use std::time::Duration;

use futures_util::StreamExt;
use lockgate::types::ChatRequest;
use lockgate::{Gateway, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder().build().await?;

    let request = ChatRequest::new("gpt-4.1-nano").user("count to 20");
    // Leaving the loop early, or dropping the stream, ends the call to the provider and settles what was read.
    let mut pieces = gateway.chat_stream(request).await?;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        for choice in &piece.choices {
            print!("{}", choice.delta.content.as_deref().unwrap_or_default());
        }
        // Whoever reads along sees each piece as it comes; a closed output is not this example's concern.
        let _ = std::io::stdout().flush();
        if let Some(cost) = piece.lockgate.and_then(|lockgate| lockgate.cost_usd) {
            println!("\ncost ${}", cost.to_decimal());
        }
    }

    gateway.close(Duration::from_secs(5)).await;
    Ok(())
}
