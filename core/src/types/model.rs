//! Models, as they are listed.

use super::object::object;

object! {
    /// A model.
    pub struct Model {
        /// The name to ask for it by.
        req id: String = "id",
        /// Always `model`.
        def object: String = "object" or "model".to_owned(),
        /// Seconds since 1970.
        def created: i64 = "created" or 0,
        /// Who runs it.
        def owned_by: String = "owned_by" or String::new(),
    }
}

object! {
    /// The models that can be asked.
    pub struct ModelList {
        /// Always `list`.
        def object: String = "object" or "list".to_owned(),
        /// The models.
        req data: Vec<Model> = "data",
    }
}
