//! The SQL schemas of Lockgate's stores, embedded. Forward only: a migration that has landed is never edited,
//! a change is a new file.

/// One step of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order: 1, 2, 3, …
    pub version: u32,
    /// What it brings, in a word.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// The schema of the SQLite store, in order.
pub const SQLITE: &[Migration] = &[
    Migration { version: 1, name: "store", sql: include_str!("../sqlite/0001_store.sql") },
    Migration { version: 2, name: "answers", sql: include_str!("../sqlite/0002_answers.sql") },
    Migration { version: 3, name: "limits", sql: include_str!("../sqlite/0003_limits.sql") },
    Migration { version: 4, name: "decisions", sql: include_str!("../sqlite/0004_decisions.sql") },
    Migration { version: 5, name: "meanings", sql: include_str!("../sqlite/0005_meanings.sql") },
];

/// The schema of the Postgres store, in order.
pub const POSTGRES: &[Migration] = &[
    Migration { version: 1, name: "directory", sql: include_str!("../postgres/0001_directory.sql") },
    Migration { version: 2, name: "ledger", sql: include_str!("../postgres/0002_ledger.sql") },
    Migration { version: 3, name: "answers", sql: include_str!("../postgres/0003_answers.sql") },
    Migration { version: 4, name: "meanings", sql: include_str!("../postgres/0004_meanings.sql") },
];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &[Migration]); 2] = [("sqlite", SQLITE), ("postgres", POSTGRES)];

    #[test]
    fn versions_count_up_from_one() {
        for (index, migration) in ALL.iter().flat_map(|(_, steps)| steps.iter().enumerate()) {
            assert_eq!(migration.version as usize, index + 1, "{}", migration.name);
            assert!(!migration.sql.trim().is_empty(), "{}", migration.name);
        }
    }

    #[test]
    fn every_file_is_embedded() {
        for (folder, steps) in ALL {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let named: Vec<String> =
                steps.iter().map(|m| format!("{:04}_{}.sql", m.version, m.name)).collect();
            assert_eq!(files, named);
        }
    }
}
