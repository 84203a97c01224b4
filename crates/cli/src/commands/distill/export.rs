use std::fs::File;
use std::io::BufReader;

use anyhow::Context as _;
use distill::{
    Card, Decontamination, Example, Header, Made, Selection, SetRef, Spent, Tally, Trace, examples,
    export, read_traces, select,
};
use model::{ChatMessage, ChatTemplate, Tokenizer};
use serde_json::json;

use crate::args::ExportArgs;
use crate::assets::{LocalModel, io_error};
use crate::data;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;

/// Makes example sets of traces.
///
/// # Errors
/// When something cannot be read or written, or the model cannot be had.
pub(super) fn run(args: &ExportArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    let (header, traces) = read(args)?;
    let mut decontamination = Decontamination::default();
    let mut evaluation = Vec::new();
    for name in &args.evaluation {
        let set = data::load(name, settings, ui, &interrupt)?;
        let path = data::path(name, settings, ui, &interrupt)?;
        let solutions = match path.is_dir() {
            true => Vec::new(),
            false => datasets::references(&path)
                .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")))?,
        };
        decontamination.add(&set, &solutions);
        evaluation.push(SetRef::of(&set));
    }
    let mut tally = Tally::default();
    let all = examples(&traces, &mut tally);
    let (clean, findings) = if args.keep_contaminated {
        let found = all.iter().filter_map(|one| decontamination.find(one));
        let found = found.collect();
        (all, found)
    } else {
        decontamination.divide(all)
    };
    if !args.keep_contaminated {
        tally.add("left out: an evaluation set holds it", findings.len());
    }
    let most = args.max_tokens.iter().rev();
    let most = most.clone().find(|(agent, _)| agent.is_none());
    let most = most.map(|(_, most)| *most);
    let of_agents = args.max_tokens.iter();
    let of_agents = of_agents.filter_map(|(agent, most)| Some(((*agent)?, *most)));
    let selection = Selection {
        max_per_agent: args.max_per_agent,
        max_per_problem: args.max_per_problem,
        max_tokens: most.unwrap_or(Selection::default().max_tokens),
        max_tokens_of: of_agents.collect(),
        near: args.near,
        seed: args.seed,
    };
    let path = LocalModel::parse(&args.model)?.ensure(settings, ui, &interrupt)?;
    let source = model::open(&path).with_context(|| format!("cannot use {}", path.display()))?;
    let measure = Measure {
        tokenizer: source.tokenizer().context("cannot use this model")?,
        template: ChatTemplate::load(&*source).context("cannot use this model")?,
    };
    let chosen = select(
        clean,
        &selection,
        &mut |one| measure.tokens(one),
        &mut tally,
    )?;
    if chosen.is_empty() {
        let failure = Failure::new(
            Exit::NothingSelected,
            "no trace gives an example that is kept",
        );
        return Err(failure
            .help(tally.to_string().trim().replace('\n', "; "))
            .into());
    }
    let files = export::files(&chosen, &findings)?;
    let card = Card::new(&Made {
        header: &header,
        spent: Spent::of(&traces),
        selection: &selection,
        // Where it lies on this machine says nothing to others.
        tokenizer: args.model.rsplit('/').next().unwrap_or(&args.model),
        evaluation: &evaluation,
        tally: &tally,
        findings: &findings,
        contaminated_kept: args.keep_contaminated,
        chosen: &chosen,
        files: &files,
    });
    export::write(&args.output, &files, &card)?;
    say(args, &card, ui)?;
    let kept = match args.keep_contaminated {
        true => findings.len(),
        false => 0,
    };
    if kept > args.max_contaminated {
        ui.warn(&format!(
            "{kept} examples share something with an evaluation set, {} may",
            args.max_contaminated
        ));
        return Ok(Exit::GateFailed);
    }
    Ok(Exit::Success)
}

/// All traces, with what is said of them together.
fn read(args: &ExportArgs) -> anyhow::Result<(Header, Vec<Trace>)> {
    let mut all: Option<(Header, Vec<Trace>)> = None;
    for path in &args.traces {
        let file = File::open(path).map_err(io_error("read", path))?;
        let (header, traces) = read_traces(BufReader::new(file)).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("{}: failed to {error}", path.display()),
            )
        })?;
        match &mut all {
            None => all = Some((header, traces)),
            Some((first, _)) if first.prompts != header.prompts => {
                let message = format!(
                    "{} was made with other prompts than the others",
                    path.display()
                );
                return Err(Failure::new(Exit::Usage, message).into());
            }
            Some((first, before)) => {
                first.tally.extend(&header.tally);
                first.held_out.extend(header.held_out);
                for one in header.distilled {
                    if !first.distilled.contains(&one) {
                        first.distilled.push(one);
                    }
                }
                before.extend(traces);
            }
        }
    }
    all.ok_or_else(|| Failure::new(Exit::NothingSelected, "no file of traces is given").into())
}

/// Counts tokens as the student reads them.
struct Measure {
    tokenizer: Tokenizer,
    template: ChatTemplate,
}

impl Measure {
    fn tokens(&self, example: &Example) -> anyhow::Result<usize> {
        let reply = domain::Message::assistant(example.reply.clone());
        let messages: Vec<ChatMessage> = example
            .messages
            .iter()
            .chain([&reply])
            .map(|message| ChatMessage {
                role: json!(message.role).as_str().unwrap_or_default().to_string(),
                content: message.content.clone(),
            })
            .collect();
        let spans = self.template.encode_replies(&messages, &self.tokenizer)?;
        Ok(spans.iter().map(|span| span.tokens.len()).sum())
    }
}

fn say(args: &ExportArgs, card: &Card, ui: &Ui) -> anyhow::Result<()> {
    if ui.json() {
        let line = json!({"schema": "mapcoder.distill.exported/1", "agents": card.agents,
            "contaminated": card.n_contaminated, "folder": args.output});
        ui.line(&line.to_string())?;
        return Ok(());
    }
    let head = ["AGENT", "EXAMPLES", "PROBLEMS", "TOKENS", "LONGEST"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    for agent in domain::Agent::ALL {
        if let Some(one) = card.agents.get(agent.name()) {
            let numbers = [one.n_examples, one.n_problems, one.n_tokens, one.longest];
            let numbers = numbers.map(|number| number.to_string());
            rows.push([&[agent.to_string()], &numbers[..]].concat());
        }
    }
    ui.table(&rows)?;
    ui.note(&format!(
        "{} examples that an evaluation set holds were {}; all is in {}",
        card.n_contaminated,
        if args.keep_contaminated {
            "kept"
        } else {
            "dropped"
        },
        args.output.display()
    ));
    Ok(())
}
