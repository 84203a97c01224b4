use super::Settings;

impl Settings {
    /// What the judge is to be started with. Interpreters and compilers are looked for where the user's shell does.
    pub(crate) fn for_judge(&self) -> judge::Settings {
        let mut settings = judge::Settings {
            min_rung: self.judge.min_rung,
            cache_dir: Some(self.cache.join("judge")),
            ..judge::Settings::default()
        };
        if let Some(n_cells) = self.judge.cells {
            settings.n_cells = n_cells as usize;
        }
        if !self.search_path.is_empty() {
            settings.search_path.clone_from(&self.search_path);
        }
        settings
    }
}
