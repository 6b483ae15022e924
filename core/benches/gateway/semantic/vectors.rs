//! Vectors as questions have them: about many subjects, near each other within one. The same in every run.

/// How many subjects.
const SUBJECTS: usize = 1000;
/// How far questions of a subject are from it: two of them have a cosine near 0.83.
const APART: f32 = 0.04;
/// How far a question is from its like: a cosine near 0.95.
const NEAR: f32 = 0.03;

pub const WIDTH: usize = lockgate_embed::DIMENSIONS;

/// Numbers without a pattern.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// Near `to`, of length 1.
    fn near(&mut self, to: &[f32], spread: f32) -> Vec<f32> {
        let moved: Vec<f32> = to.iter().map(|number| number + spread * self.next()).collect();
        let length = moved.iter().map(|number| number * number).sum::<f32>().sqrt();
        moved.iter().map(|number| number / length).collect()
    }
}

/// So many, each about one of the subjects.
pub fn entries(count: usize) -> Vec<Vec<f32>> {
    let mut noise = Noise(42);
    let subjects: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| noise.near(&[0.0; WIDTH], 1.0)).collect();
    subjects.iter().cycle().take(count).map(|subject| noise.near(subject, APART)).collect()
}

/// So many that are like one of the entries.
pub fn queries(entries: &[Vec<f32>], count: usize) -> Vec<Vec<f32>> {
    let mut noise = Noise(7);
    let step = (entries.len() / count).max(1);
    entries.iter().step_by(step).take(count).map(|entry| noise.near(entry, NEAR)).collect()
}

/// The dot product in floats, in an order that a processor likes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// For each query the entry that is nearest, and its cosine, by looking at all of them.
pub fn exact(entries: &[Vec<f32>], queries: &[Vec<f32>]) -> Vec<(usize, f32)> {
    let mut best = vec![(0, f32::MIN); queries.len()];
    for (at, entry) in entries.iter().enumerate() {
        for (best, query) in best.iter_mut().zip(queries) {
            let cosine = dot(entry, query);
            if cosine > best.1 {
                *best = (at, cosine);
            }
        }
    }
    best
}
