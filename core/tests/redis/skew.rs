//! Time is the store's: the clock of a host says nothing.

use std::sync::Arc;
use std::time::Duration;

use lockgate::clock::{Clock, Millis, SystemClock};
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, Plan, Rates, Verdict};
use lockgate::money::Nano;
use lockgate::store::Limiter;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};

use crate::house::SOON;
use crate::server::Server;

/// The machine's clock, and so many milliseconds.
struct Skewed(i64);

impl Clock for Skewed {
    fn now(&self) -> Millis {
        Millis(SystemClock.now().0 + self.0)
    }
}

async fn limiter(server: &Server, skew: i64) -> RedisLimiter {
    let address = RedisAddress::parse(&server.url()).unwrap();
    let options = RedisOptions { address, prefix: "lgt:".to_owned(), timeout: SOON };
    RedisLimiter::connect(options, Arc::new(Skewed(skew))).await.unwrap()
}

#[tokio::test]
async fn hosts_that_are_90_seconds_off_change_nothing() {
    let server = Server::start();
    let hosts = [limiter(&server, 0).await, limiter(&server, 90_000).await, limiter(&server, -90_000).await];
    let project = ProjectId::new(SystemClock.now());
    let ask = || Admission {
        id: AdmissionId::new(SystemClock.now()),
        project,
        key: KeyId::NONE,
        customer: None,
        rev: 1,
        charge: Charge::Full,
        // One unit in ten minutes drains: the clock of no host makes room.
        rates: Rates { tokens_per_minute: Some(60), ..Rates::default() },
        caps: Caps::default(),
        first: Plan { cache_key: None, cached: false, version: None, money: Nano::ZERO, tokens: 20 },
        second: None,
        lease: Duration::from_secs(60),
        follow: false,
    };
    let Verdict::Seed(missing) = hosts[0].admit(&ask()).await.unwrap() else { panic!("nothing is there") };
    let nothing: Vec<_> = missing.into_iter().map(|id| (id, Nano::ZERO)).collect();
    hosts[0].seed(project, &nothing).await.unwrap();
    for host in &hosts {
        assert!(matches!(host.admit(&ask()).await.unwrap(), Verdict::Admitted(_)));
    }
    for _ in 0..5 {
        for host in &hosts {
            let Verdict::Refused(refusal) = host.admit(&ask()).await.unwrap() else {
                panic!("the bucket is empty")
            };
            let wait = refusal.retry_after.unwrap();
            assert!(wait <= Duration::from_secs(20) && wait > Duration::from_secs(5), "{wait:?}");
        }
    }
    // Nor does it end a lease early, or keep it.
    for host in &hosts {
        assert!(host.lapsed(project, 10).await.unwrap().is_empty());
        assert_eq!(host.counts().turned, 0, "they know the store's day from the first call");
    }
}
