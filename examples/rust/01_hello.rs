//! A question and its answer, through a gateway in this process. No server, no file, no key of the gateway's own.
//!
//! `OPENAI_API_KEY=sk-… cargo run --example hello`

#![allow(clippy::print_stdout, reason = "an example shows what came")]

use std::time::Duration;

use lockgate::types::ChatRequest;
use lockgate::{Gateway, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder().build().await?;

    for _ in 0..2 {
        let request = ChatRequest::new("gpt-4.1-nano").user("Say hello in five languages.");
        let answer = gateway.chat(request).await?;
        println!("{}", answer.text());
        if let Some(lockgate) = &answer.lockgate {
            let cost =
                lockgate.cost_usd.map_or("unknown".to_owned(), |cost| format!("${}", cost.to_decimal()));
            println!("cache {}, cost {cost}, {} ms", lockgate.cache, lockgate.latency_ms);
        }
    }

    // What has ended is written down before the process ends.
    gateway.close(Duration::from_secs(5)).await;
    Ok(())
}
