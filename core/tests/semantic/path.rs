//! A question in other words, from its asking to the books.

use lockgate::store::{RowFilter, UsageQuery};

use crate::house::{House, Store, cache, semantic, told};

async fn a_paraphrase_is_answered_and_a_near_miss_is_not(store: Store) {
    let house = House::new(store).await;
    let before = house.sim.requests().len();
    let first = house.ask("How do I reset my password?").await;
    assert_eq!(cache(&first), "miss");
    let second = house.ask("How can I reset my password?").await;
    assert_eq!(cache(&second), "semantic", "{}", semantic(&second));
    assert_eq!(second.text(), first.text());
    let metadata = told(&second);
    assert_eq!(metadata.cost_nano_usd, Some(0));
    assert!(metadata.similarity.unwrap() >= 0.93 && metadata.age_ms == Some(0));
    assert_eq!(metadata.saved_usd.unwrap().nano, told(&first).cost_nano_usd.unwrap());
    // In pieces, with the same text and the same words at its end.
    let (text, metadata) = house.stream("Please, how can I reset my password?").await;
    assert_eq!((text, metadata.cache.as_str(), metadata.cost_nano_usd), (first.text(), "semantic", Some(0)));
    assert!(metadata.similarity.is_some());
    // Near, and another question.
    let other = house.ask("How do I reset my password in 5 minutes?").await;
    assert_eq!(cache(&other), "miss");
    assert_eq!(house.sim.requests().len(), before + 2);

    house.ask("Will it rain in London today?").await;
    let tomorrow = house.ask("Will it rain in London tomorrow?").await;
    assert_eq!(cache(&tomorrow), "miss");
    let said = semantic(&tomorrow);
    assert_eq!(
        (said["verdict"].as_str(), said["guard"].as_str()),
        (Some("refused"), Some("dates")),
        "{said}"
    );

    let rows = house.gateway.rows(&RowFilter::default()).await.unwrap();
    let hits: Vec<_> = rows.iter().filter(|row| row.cache.as_str() == "semantic").collect();
    assert_eq!(hits.len(), 2);
    for row in hits {
        assert_eq!((row.cost.unwrap().nano(), row.saved.nano()), (0, told(&first).cost_nano_usd.unwrap()));
        assert!(row.similarity.unwrap() >= 0.93);
        let said = row.decisions.as_ref().unwrap().semantic.as_ref().unwrap();
        assert_eq!(said.verdict.as_str(), "hit");
    }
    let usage = house.gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!(usage.cache_hits, 2);
    let called: i64 =
        [&first, &other, &tomorrow].iter().map(|answer| told(answer).cost_nano_usd.unwrap()).sum();
    // Two hits, and the question of today besides the three.
    assert!(usage.cost.nano() > called && usage.requests == 6, "{usage:?}");
    let metrics = house.gateway.metrics().await;
    assert!(metrics.contains("lockgate_semantic_lookups_total{verdict=\"hit\",guard=\"\"} 2"), "{metrics}");
    assert!(
        metrics.contains("lockgate_semantic_lookups_total{verdict=\"refused\",guard=\"dates\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("cache=\"semantic\""), "{metrics}");
}

#[tokio::test]
async fn in_memory() {
    a_paraphrase_is_answered_and_a_near_miss_is_not(Store::Memory).await;
}

#[tokio::test]
async fn on_sqlite() {
    a_paraphrase_is_answered_and_a_near_miss_is_not(Store::Sqlite).await;
}

#[cfg(feature = "test-servers")]
#[tokio::test]
async fn on_postgres() {
    a_paraphrase_is_answered_and_a_near_miss_is_not(Store::Postgres).await;
}
