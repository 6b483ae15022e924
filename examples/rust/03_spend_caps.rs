//! Every customer of a product gets a daily budget. A request that could pass it is refused before it costs anything.
//!
//! `OPENAI_API_KEY=sk-… cargo run --example spend_caps`

#![allow(clippy::print_stdout, reason = "an example shows what came")]

use std::time::Duration;

use lockgate::store::{GroupBy, UsageQuery};
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder()
        // A cap must say where spend is kept. "sqlite://lockgate.db" keeps it over a restart; memory does not.
        .set("store", "memory")
        .set("project.customer_defaults.daily_cap", "0.00041")
        .build()
        .await?;

    // What a request may cost at most is reserved first: here 1000 output tokens at $0.40 a million. The second
    // question of a customer could pass the cap, so the provider is not asked.
    for question in ["Why is the sky blue?", "Why is grass green?"] {
        for customer in ["alice", "bob"] {
            let question = format!("{customer} asks: {question}");
            let request = ChatRequest::new("gpt-4.1-nano").user(question).max_tokens(1000);
            let options = CallOptions { customer: Some(customer.to_owned()), ..CallOptions::default() };
            match gateway.chat_with(request, options).await {
                Ok(_) => println!("{customer}: answered"),
                // A provider that fails is another error than a budget that is spent.
                Err(error) if error.code() == "customer_spend_exceeded" => println!("{customer}: {error}"),
                Err(error) => return Err(error),
            }
        }
    }

    gateway.flush(Duration::from_secs(5)).await;
    for line in gateway.usage(&UsageQuery { by: GroupBy::Customer, ..UsageQuery::default() }).await? {
        println!("{}: {} requests, ${}", line.group, line.requests, line.cost);
    }
    gateway.close(Duration::from_secs(5)).await;
    Ok(())
}
