//! `lockgate demo`: the gateway's story, told with real requests over real HTTP and simulated providers.

mod call;
mod crowd;
mod explain;
mod narrate;
mod scene;
mod step;
mod story;
mod world;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::narrate::Narrator;
use self::world::World;
use crate::failure::Failure;
use crate::serve::Ended;
use crate::signals::Signals;

/// How long requests of visitors may go on once the demo is told to end.
const DRAIN: Duration = Duration::from_secs(2);

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the story instead of serving on.
    #[arg(long)]
    once: bool,
    /// Print the steps as one JSON object.
    #[arg(long)]
    json: bool,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
}

pub(crate) async fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()?;
    let (world, server) = World::start(&args.listen).await?;
    let narrator = Narrator::new(args.json);
    let played = {
        let mut serving = pin!(server.run(&mut signals, DRAIN));
        let played = tokio::select! {
            ended = &mut serving => Ok(Played::Interrupted(ended)),
            told = story::tell(&world, &narrator) => told.map(Played::Told),
        };
        match played {
            Ok(Played::Told(true)) if !args.once => {
                narrator.invite(&world)?;
                Ok(Played::Served(serving.await))
            }
            played => played,
        }
    };
    // Whatever happened: nothing is left behind.
    tokio::select! {
        ended = world.end() => ended?,
        // Dropping the rest removes the files, too.
        code = signals.next() => return Ok(ExitCode::from(code)),
    }
    Ok(played?.code())
}

enum Played {
    /// To the end; whether every step showed what it should.
    Told(bool),
    /// A signal came before the end.
    Interrupted(Ended),
    /// To the end, then served until a signal came.
    Served(Ended),
}

impl Played {
    fn code(self) -> ExitCode {
        match self {
            Played::Told(true) | Played::Served(Ended::Drained | Ended::Cut(_)) => ExitCode::SUCCESS,
            Played::Told(false) | Played::Interrupted(Ended::Drained | Ended::Cut(_)) => ExitCode::FAILURE,
            Played::Served(Ended::AtOnce(code)) | Played::Interrupted(Ended::AtOnce(code)) => {
                ExitCode::from(code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_shows_something_else_is_a_failure_of_the_program() {
        let shown = |played: Played| format!("{:?}", played.code());
        assert_eq!(shown(Played::Told(true)), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(shown(Played::Told(false)), format!("{:?}", ExitCode::FAILURE));
    }
}
