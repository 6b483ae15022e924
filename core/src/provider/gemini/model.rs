//! What a model can do, told by its name, where Gemini refuses a request that assumes otherwise.

use crate::error::{Error, Kind, Result};
use crate::provider::path_segment;

/// A model's generation: 2.5 for `gemini-2.5-flash`.
type Version = (u32, u32);

/// A model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model<'a> {
    name: &'a str,
    /// None for a name that is not Gemini's, such as Gemma's.
    version: Option<Version>,
}

/// How a model is told how long to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Not at all.
    Never,
    /// In tokens, no fewer than these.
    Budget {
        /// 0 where thinking can be switched off.
        least: u32,
    },
    /// By a level.
    Level {
        /// Whether there is one below `LOW`.
        minimal: bool,
        /// Whether there is one between `LOW` and `HIGH`.
        medium: bool,
    },
}

impl<'a> Model<'a> {
    pub(super) fn new(name: &'a str) -> Model<'a> {
        let version = name.strip_prefix("gemini-").map(|rest| {
            // `gemini-flash-latest` has no number: it is the newest.
            version(rest).unwrap_or((u32::MAX, 0))
        });
        Model { name, version }
    }

    /// `/models/NAME:METHOD`. A colon in the name would name another method.
    pub(super) fn path(&self, method: &str) -> Result<String> {
        let name = path_segment(self.name)?;
        if name.contains([':', '@']) {
            return Err(Error::new(Kind::ModelNotFound, format!("The model {name:?} does not exist."))
                .with(|details| details.param = Some("model".to_owned())));
        }
        Ok(format!("/models/{name}:{method}"))
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// From the vendor's tables of thinking budgets and levels.
    pub(super) fn thinking(&self) -> Thinking {
        let Some(version) = self.version else { return Thinking::Never };
        let flash = self.name.contains("flash");
        if version < (2, 5) {
            Thinking::Never
        } else if version < (3, 0) {
            Thinking::Budget { least: if flash { 0 } else { 128 } }
        } else {
            Thinking::Level { minimal: flash && version < (3, 7), medium: flash || version > (3, 0) }
        }
    }

    /// Whether calls handed back must carry the thinking that led to them.
    pub(super) fn wants_signatures(&self) -> bool {
        self.version.is_some_and(|version| version >= (3, 0))
    }

    /// Whether it fetches images from any address, which the models before 2.5 do not.
    pub(super) fn fetches(&self) -> bool {
        self.validates_calls()
    }

    /// Whether each image can have its own resolution.
    pub(super) fn takes_resolution(&self) -> bool {
        self.wants_signatures()
    }

    /// Whether it looks at images and files among a function's results.
    pub(super) fn takes_files_in_results(&self) -> bool {
        self.wants_signatures()
    }

    /// Whether it can be held to the schemas of functions it is free to call.
    pub(super) fn validates_calls(&self) -> bool {
        self.version.is_some_and(|version| version >= (2, 5))
    }
}

/// The number a name begins with: `2.5` of `2.5-flash`, `4` of `4-argon`.
fn version(rest: &str) -> Option<Version> {
    let number = rest.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_told_apart() {
        let level = |minimal, medium| Thinking::Level { minimal, medium };
        for (name, thinking) in [
            ("gemini-2.0-flash", Thinking::Never),
            ("gemini-1.5-pro-002", Thinking::Never),
            ("gemma-3-27b-it", Thinking::Never),
            ("gemini-2.5-flash-lite", Thinking::Budget { least: 0 }),
            ("gemini-2.5-pro", Thinking::Budget { least: 128 }),
            ("gemini-3-pro-preview", level(false, false)),
            ("gemini-3.1-pro-preview", level(false, true)),
            ("gemini-3-flash-preview", level(true, true)),
            ("gemini-3.6-flash", level(true, true)),
            ("gemini-3.7-flash", level(false, true)),
            ("gemini-4-argon", level(false, true)),
            ("gemini-flash-latest", level(false, true)),
        ] {
            assert_eq!(Model::new(name).thinking(), thinking, "{name}");
        }
    }

    #[test]
    fn a_name_cannot_reach_another_method() {
        assert_eq!(
            Model::new("gemini-4-argon").path("embedContent").unwrap(),
            "/models/gemini-4-argon:embedContent"
        );
        for bad in ["a:b", "a/b", "..", "", "a?key=b", "a%2fb", "m@1"] {
            assert_eq!(Model::new(bad).path("x").unwrap_err().kind(), Kind::ModelNotFound, "{bad}");
        }
    }
}
