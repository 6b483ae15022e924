//! The limiter: one script for every step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lockgate_lua::{Script, Scripts};
use parking_lot::Mutex;
use redis::Value;
use tokio::sync::watch;

use super::answers::{self, INLINE, LARGEST_INLINE, POINTER};
use super::command::Command;
use super::day::Day;
use super::failure::{garbled, late};
use super::keys::{Keys, field};
use super::link::{Link, RedisCounts, count};
use super::reply::{self, Reply};
use super::verdict::{Answered, lines, view};
use super::{RedisAddress, call, reservation, server, watch as changes};
use crate::cache::Fingerprint;
use crate::clock::{Millis, SharedClock};
use crate::error::{Error, Kind, Result};
use crate::ids::{AdmissionId, ProjectId};
use crate::limits::{
    self, Admission, CounterId, Held, HotAnswer, Phase, Raise, Settled, Settlement, Verdict, Window,
};
use crate::money::Nano;
use crate::settle::LEASE;
use crate::store::{Followed, Inspection, Limiter, Seeding};

/// Leases prolonged by one call.
const RENEWED_AT_ONCE: usize = 500;
/// Reservations given back by one call.
const REASSERTED_AT_ONCE: usize = 50;
/// Counters raised by one call.
const SEEDED_AT_ONCE: usize = 500;
/// So many acknowledged reservations wait for a late settlement.
const ACKNOWLEDGED: usize = 10_000;
/// So long after midnight an admission also ends leases that began before it.
const DAY_IS_NEW_MS: u64 = 15 * 60_000;
/// How often a caller may be wrong about the store's day.
const MOST_TURNS: usize = 3;
/// So long after its end the counters of a window are kept.
const KEPT_AFTER: Duration = Duration::from_secs(48 * 3600);
/// Windows that are over are looked for so often.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// How to reach Redis.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Where it is.
    pub address: RedisAddress,
    /// What all keys begin with.
    pub prefix: String,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// Limits in Redis, shared by all processes that use the same prefix.
pub struct RedisLimiter {
    link: Link,
    scripts: &'static Scripts,
    prefix: String,
    clock: SharedClock,
    /// How far the store's clock is ahead of ours.
    offset: AtomicI64,
    on_test_clock: bool,
    day: Mutex<Day>,
    /// When each project's past windows were last looked for, and where to go on with its buckets.
    pruned: Mutex<HashMap<ProjectId, (Millis, String)>>,
    changes: watch::Receiver<u64>,
}

impl RedisLimiter {
    /// Connects. An error where Redis cannot be reached.
    pub async fn connect(options: RedisOptions, clock: SharedClock) -> Result<RedisLimiter> {
        let (tell, changes) = watch::channel(0);
        let limiter = RedisLimiter::new(options, clock, Scripts::get(), false, changes);
        limiter.begin().await?;
        let channel = changes::channel(&limiter.prefix);
        // Until nobody listens: the limiter itself does for as long as it is there.
        tokio::spawn(changes::listen(limiter.link.address().clone(), channel, tell));
        Ok(limiter)
    }

    /// Connects, and takes the time from `clock`: for tests.
    #[cfg(feature = "test-servers")]
    pub async fn connect_on_clock(options: RedisOptions, clock: SharedClock) -> Result<RedisLimiter> {
        let (_, changes) = watch::channel(0);
        let limiter = RedisLimiter::new(options, clock, Scripts::on_test_clock(), true, changes);
        limiter.link.plain(&redis::cmd("PING")).await?;
        Ok(limiter)
    }

    fn new(
        options: RedisOptions,
        clock: SharedClock,
        scripts: &'static Scripts,
        on_test_clock: bool,
        changes: watch::Receiver<u64>,
    ) -> RedisLimiter {
        let RedisOptions { address, prefix, timeout } = options;
        RedisLimiter {
            link: Link::new(address, timeout, scripts),
            scripts,
            prefix,
            day: Mutex::new(Day::of(clock.now())),
            clock,
            offset: AtomicI64::new(0),
            on_test_clock,
            pruned: Mutex::default(),
            changes,
        }
    }

    /// Learns the store's time.
    async fn begin(&self) -> Result<()> {
        let answer = self.link.plain(&redis::cmd("TIME")).await?;
        let mut reply = Reply::list(answer, "TIME")?;
        let (seconds, micros): (i64, i64) = (reply.number()?, reply.number()?);
        self.learn(Millis(seconds.saturating_mul(1000).saturating_add(micros / 1000)));
        Ok(())
    }

    /// What was sent, and what went wrong.
    #[must_use]
    pub fn counts(&self) -> RedisCounts {
        self.link.counts()
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &RedisAddress {
        self.link.address()
    }

    /// What is doubtful in the server's settings.
    pub async fn warnings(&self) -> Vec<String> {
        match self.link.plain(redis::cmd("INFO").arg("memory")).await {
            // A cluster tells of each node.
            Ok(Value::Map(nodes)) => {
                nodes.into_iter().map(|(_, info)| info).find_map(warned).unwrap_or_default()
            }
            Ok(info) => server::warnings(info),
            Err(_) => Vec::new(),
        }
    }

    /// Moves when another process has changed projects, keys or customers.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    fn keys(&self, project: ProjectId) -> Keys {
        Keys::new(&self.prefix, project)
    }

    /// The store's time, by what it last said.
    fn now(&self) -> Millis {
        Millis(self.clock.now().0.saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    fn learn(&self, now: Millis) {
        if !self.on_test_clock {
            self.offset.store(now.0.saturating_sub(self.clock.now().0), Ordering::Relaxed);
        }
    }

    fn today(&self) -> Day {
        let now = self.now();
        let mut day = self.day.lock();
        if !day.holds(now) {
            *day = Day::of(now);
        }
        *day
    }

    async fn call(&self, project: ProjectId, command: Command) -> Result<Value> {
        if self.on_test_clock && command.script.timed {
            let clock = self.keys(project).clock();
            self.link.plain(redis::cmd("SET").arg(&clock).arg(self.clock.now().0)).await?;
            return self.link.call(&command.with_key(&clock)).await;
        }
        self.link.call(&command).await
    }

    /// The answer, with its body where that is kept elsewhere.
    async fn fetched(&self, keys: &Keys, key: Fingerprint, text: &bytes::Bytes) -> Result<Option<HotAnswer>> {
        let Some(kept) = answers::read(key, text, self.offset.load(Ordering::Relaxed)) else {
            return Ok(None);
        };
        let Some(writer) = kept.writer else { return Ok(Some(kept.answer)) };
        count(&self.link.tally.bodies);
        let found = self.link.plain(redis::cmd("GET").arg(keys.body(&key))).await?;
        if let Value::BulkString(bytes) = found
            && let Some(body) = answers::read_body(&writer, &bytes.into())
        {
            return Ok(Some(HotAnswer { body, ..kept.answer }));
        }
        // A pointer to nothing is no answer, also for who comes next.
        self.link.plain(redis::cmd("UNLINK").arg(keys.answer(&key))).await?;
        Ok(None)
    }

    async fn settled(&self, settlement: &Settlement, answer: Option<&HotAnswer>) -> Result<Settled> {
        let keys = self.keys(settlement.held.project);
        let mut settlement = settlement.clone();
        for _ in 0..MOST_TURNS {
            let kept = answer.map(|answer| keys.answer(&answer.key));
            let mut command = call::settle(self.scripts, &keys, &settlement, kept);
            match answer {
                Some(answer) => self.push_answer(&mut command, &keys, settlement.held.id, answer).await?,
                None => command.push(""),
            }
            let said = reply::word(self.call(settlement.held.project, command).await?, "settle")?;
            match said.as_str() {
                "booked" => return Ok(Settled::Booked),
                "late" => return Ok(Settled::Late),
                "already" => return Ok(Settled::Already),
                at => settlement.held.admitted_at = Millis(at.parse().map_err(|_| garbled("settle"))?),
            }
        }
        Err(garbled("settle"))
    }

    async fn push_answer(
        &self,
        command: &mut Command,
        keys: &Keys,
        id: AdmissionId,
        answer: &HotAnswer,
    ) -> Result<()> {
        let left = answer.expires_at.since(self.clock.now());
        command.push(left);
        if answer.body.len() <= LARGEST_INLINE {
            command.push([&[INLINE], answer.body.as_ref()].concat());
            return Ok(());
        }
        command.push([POINTER].as_slice());
        if left == 0 {
            return Ok(());
        }
        count(&self.link.tally.bodies);
        let body = answers::body(&id.to_string(), &answer.body);
        let mut set = redis::cmd("SET");
        self.link.plain(set.arg(keys.body(&answer.key)).arg(body).arg("PX").arg(left)).await.map(drop)
    }

    /// Raises settled amounts; with `whole`, their windows are whole afterwards.
    async fn raise_settled(
        &self,
        project: ProjectId,
        spent: &[(CounterId, Nano)],
        whole: bool,
    ) -> Result<()> {
        let mut windows: Vec<Window> = spent.iter().map(|(id, _)| id.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let keys = self.keys(project);
        for window in windows {
            let of_window: Vec<_> = spent.iter().filter(|(id, _)| id.window == window).collect();
            let mut chunks = of_window.chunks(SEEDED_AT_ONCE).peekable();
            while let Some(chunk) = chunks.next() {
                let last = whole && chunks.peek().is_none();
                let all = vec![keys.spend(window), keys.windows()];
                let mut command =
                    Command::new(&self.scripts.seed, &all).arg(window.code()).arg(u8::from(last));
                for (id, amount) in chunk {
                    command.push(field(id.scope));
                    command.push(amount.nano());
                }
                self.call(project, command).await?;
            }
        }
        Ok(())
    }

    /// Removes counters of windows that are over, now and then.
    async fn prune(&self, project: ProjectId, codes: &str, now: Millis) -> Result<()> {
        let cursor = {
            let mut pruned = self.pruned.lock();
            let (at, cursor) = pruned.entry(project).or_insert((now, "0".to_owned()));
            if now.since(*at) < u64::try_from(PRUNE_EVERY.as_millis()).unwrap_or(u64::MAX) {
                return Ok(());
            }
            *at = now;
            cursor.clone()
        };
        let keys = self.keys(project);
        let codes = codes.split(' ').filter_map(|code| Window::try_from(code.parse::<i32>().ok()?).ok());
        let over: Vec<Window> = codes.filter(|window| window.end().after(KEPT_AFTER) <= now).collect();
        let mut all = vec![keys.state(), keys.windows()];
        all.extend(over.iter().map(|window| keys.spend(*window)));
        let mut command = Command::new(&self.scripts.prune, &all).arg(cursor);
        for window in &over {
            command.push(window.code());
        }
        let cursor = reply::word(self.call(project, command).await?, "prune")?;
        if let Some(known) = self.pruned.lock().get_mut(&project) {
            known.1 = cursor;
        }
        Ok(())
    }

    fn with_ids(script: &'static Script, keys: &[String], ids: &[AdmissionId]) -> Command {
        let mut command = Command::new(script, keys);
        for id in ids {
            command.push(id.to_string());
        }
        command
    }
}

fn warned(info: Value) -> Option<Vec<String>> {
    Some(server::warnings(info)).filter(|warnings| !warnings.is_empty())
}

impl std::fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLimiter").field("address", self.address()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    fn in_process(&self) -> bool {
        false
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict> {
        let keys = self.keys(admission.project);
        for _ in 0..MOST_TURNS {
            let day = self.today();
            let new = self.now().since(day.begins) < DAY_IS_NEW_MS;
            let command = call::admit(self.scripts, &keys, admission, &day, new);
            let answer = self.call(admission.project, command).await?;
            let mut answered = Answered::read(Reply::list(answer, "admit")?, admission)?;
            self.learn(answered.now);
            match answered.code.as_str() {
                "clock" => count(&self.link.tally.turned),
                "seed" => return Ok(Verdict::Seed(answered.missing()?)),
                "ended" => return Err(late()),
                "hit" => {
                    let plan: usize = answered.rest.number()?;
                    let text = answered.rest.bytes()?.filter(|text| !text.is_empty());
                    let verdict = answered.decided(plan, admission)?;
                    let Verdict::Hit { standing, .. } = verdict else { return Ok(verdict) };
                    let of_plan = match plan {
                        0 => Some(&admission.first),
                        _ => admission.second.as_ref().map(|second| &second.plan),
                    };
                    let body = match (of_plan.and_then(|plan| plan.cache_key), text) {
                        (Some(key), Some(text)) => self.fetched(&keys, key, &text).await?,
                        _ => None,
                    };
                    return Ok(Verdict::Hit { plan, body, standing });
                }
                _ => return answered.decided(0, admission),
            }
        }
        Err(Error::new(Kind::StoreUnavailable, "the limits' store does not agree on the day"))
    }

    async fn raise(&self, admission: &Admission, held: &Held, money: Nano, tokens: u64) -> Result<Raise> {
        let keys = self.keys(held.project);
        let command = call::raise(self.scripts, &keys, held, &admission.caps, (money, tokens));
        let mut reply = Reply::list(self.call(held.project, command).await?, "raise")?;
        let code = reply.word()?;
        if code == "gone" {
            return Ok(Raise::Gone);
        }
        let now = reply.millis()?;
        let mut view = view(&mut reply, |reply| lines(reply, held.counters()))?;
        let mut known = reservation::read(held.project, held.id, &reply.word()?)?;
        debug_assert_eq!(known.phase, Phase::Open);
        let raise = limits::raise(&mut view, &mut known, admission, (money, tokens), now);
        match (code.as_str(), &raise) {
            ("raised", Raise::Raised(_)) | ("refused", Raise::Refused(_)) => Ok(raise),
            _ => Err(Error::internal(
                "the limits' store decides otherwise than this version of Lockgate",
                format!("the script says {code}, the limits say {raise:?}"),
            )),
        }
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Settled> {
        self.settled(settlement, None).await
    }

    async fn settle_and_keep(&self, settlement: &Settlement, answer: &HotAnswer) -> Result<Settled> {
        self.settled(settlement, Some(answer)).await
    }

    async fn renew(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<Vec<AdmissionId>> {
        let mut unknown = Vec::new();
        for ids in ids.chunks(RENEWED_AT_ONCE) {
            let keys = self.keys(project);
            let command = Self::with_ids(&self.scripts.renew, &[keys.held(), keys.open()], ids);
            let answer = self.call(project, command).await?;
            let said: Vec<String> = redis::from_redis_value(answer).map_err(|_| garbled("renew"))?;
            unknown.extend(said.iter().filter_map(|id| id.parse::<AdmissionId>().ok()));
        }
        Ok(unknown)
    }

    async fn reassert(&self, project: ProjectId, held: &[Held]) -> Result<()> {
        let keys = self.keys(project);
        for held in held.chunks(REASSERTED_AT_ONCE) {
            let mut all = vec![keys.state(), keys.held(), keys.open()];
            for held in held {
                all.push(keys.spend(Window::month(held.admitted_at)));
                all.push(keys.spend(Window::day(held.admitted_at)));
                all.push(keys.ended(held.id));
            }
            let mut command = Command::new(&self.scripts.reassert, &all);
            for held in held {
                command.push(held.id.to_string());
                command.push(reservation::unbooked(held, LEASE.as_millis()));
            }
            self.call(project, command).await?;
        }
        Ok(())
    }

    fn seeding(&self) -> Seeding {
        Seeding::Windows
    }

    async fn seed(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        self.raise_settled(project, spent, true).await
    }

    async fn catch_up(&self, project: ProjectId, spent: &[(CounterId, Nano)]) -> Result<()> {
        self.raise_settled(project, spent, false).await
    }

    async fn follow(&self, project: ProjectId, key: &Fingerprint) -> Result<Followed> {
        let keys = self.keys(project);
        let all = [keys.held(), keys.leader(key), keys.answer(key)];
        let answer = self.call(project, Command::new(&self.scripts.follow, &all)).await?;
        let mut reply = Reply::list(answer, "follow")?;
        match reply.word()?.as_str() {
            "wait" => Ok(Followed::Wait),
            "answer" => {
                self.learn(reply.millis()?);
                let text = reply.bytes()?.ok_or_else(|| reply.garbled())?;
                let fetched = self.fetched(&keys, *key, &text).await?;
                Ok(fetched.map_or(Followed::Gone, Followed::Answer))
            }
            _ => Ok(Followed::Gone),
        }
    }

    async fn check(&self) -> Result<()> {
        self.link.plain(&redis::cmd("PING")).await.map(drop)
    }

    async fn revise(&self, project: ProjectId, rev: u64) -> Result<()> {
        let command = Command::new(&self.scripts.revise, &[self.keys(project).state()])
            .arg(rev)
            .arg(changes::channel(&self.prefix))
            .arg(project.to_string());
        self.call(project, command).await.map(drop)
    }

    async fn lapsed(&self, project: ProjectId, most: usize) -> Result<Vec<Held>> {
        let keys = self.keys(project);
        let windows = self.today().windows();
        let mut all = vec![keys.state(), keys.held(), keys.open(), keys.lapsed(), keys.windows()];
        all.extend(windows.map(|window| keys.spend(window)));
        let command =
            Command::new(&self.scripts.lapsed, &all).arg(windows.map(Window::code).as_slice()).arg(most);
        let mut reply = Reply::list(self.call(project, command).await?, "lapsed")?;
        let now = reply.millis()?;
        let codes = reply.word()?;
        let mut lapsed = Vec::new();
        while let Some(id) = reply.text()? {
            let id = id.parse().map_err(|_| reply.garbled())?;
            lapsed.push(reservation::read(project, id, &reply.word()?)?.held);
        }
        self.prune(project, &codes, now).await?;
        Ok(lapsed)
    }

    async fn acknowledge(&self, project: ProjectId, ids: &[AdmissionId]) -> Result<()> {
        let keys = self.keys(project);
        let all = [keys.held(), keys.lapsed(), keys.late()];
        let mut command = Command::new(&self.scripts.acknowledge, &all).arg(ACKNOWLEDGED);
        for id in ids {
            command.push(id.to_string());
        }
        self.call(project, command).await.map(drop)
    }

    async fn inspect(&self, project: ProjectId, counters: &[CounterId]) -> Result<Inspection> {
        let keys = self.keys(project);
        let mut windows: Vec<Window> = counters.iter().map(|id| id.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let mut all = vec![keys.open()];
        all.extend(windows.iter().map(|window| keys.spend(*window)));
        let mut command = Command::new(&self.scripts.inspect, &all);
        for id in counters {
            let place = windows.binary_search(&id.window).unwrap_or(0);
            command.push(place + 2);
            command.push(field(id.scope));
        }
        let mut reply = Reply::list(self.call(project, command).await?, "inspect")?;
        let open = reply.number()?;
        let mut spend = Vec::with_capacity(counters.len());
        for _ in counters {
            let counter = reply.counter()?;
            spend.push((counter.settled, counter.reserved));
        }
        Ok(Inspection { spend, open })
    }
}
