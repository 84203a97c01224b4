"use strict";
const ROW_HEIGHT = 30;
const byId = (id) => document.getElementById(id);

// Everything that comes from models and programs is text, never markup.
function el(tag, options, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const number = (value) => value.toLocaleString("en-US");
const percent = (share) => (share * 100).toFixed(1) + " %";
const seconds = (ms) => ms >= 100000 ? (ms / 60000).toFixed(1) + " min" : ms >= 1000 ? (ms / 1000).toFixed(1) + " s" : Math.round(ms) + " ms";
const kind = (ending) => ending === "solved" ? "solved" : ending === "failed" || ending === "format failure" ? "failed" : "other";
const sign = (ending) => ({ solved: "✓", failed: "✗", other: "–" })[kind(ending)];

const data = JSON.parse(byId("data").textContent);
const rows = data.rows.map((row, place) => ({
  place, id: row[0], ending: row[1], difficulty: row[2], tags: row[3], calls: row[4], tokens: row[5], ms: row[6],
  verdict: row[7], draw: row[8],
}));
const state = { shown: rows, at: -1, open: null };

// Stories lie in the page, packed in chunks, or come from the server.
const unpacked = new Map();
async function story(place) {
  if (data.served) return (await fetch("story/" + place)).json();
  const at = Math.floor(place / data.chunk);
  if (!unpacked.has(at)) {
    const node = document.querySelector(`script[data-chunk="${at}"]`);
    if (!node) return null;
    const bytes = Uint8Array.from(atob(node.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    unpacked.set(at, JSON.parse(await new Response(stream).text()));
  }
  return unpacked.get(at)[place % data.chunk];
}

/* ---------- the list ---------- */

const list = byId("list"), spacer = list.firstElementChild;

function draw() {
  spacer.style.height = state.shown.length * ROW_HEIGHT + "px";
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(state.shown.length, first + Math.ceil(list.clientHeight / ROW_HEIGHT) + 10);
  const nodes = [];
  for (let at = first; at < last; at++) {
    const row = state.shown[at];
    const node = el("div", {
      class: "row", role: "option", id: "row-" + row.place, "aria-selected": String(at === state.at),
      style: `top:${at * ROW_HEIGHT}px`, onclick: () => choose(at, true),
    },
      el("span", { class: kind(row.ending), text: sign(row.ending), title: row.ending }),
      el("span", { text: row.draw > 0 ? `${row.id} · draw ${row.draw + 1}` : row.id, title: row.id }),
      el("span", { class: "number", text: number(row.tokens) + " tok" }),
      el("span", { class: "number", text: seconds(row.ms) }));
    nodes.push(node);
  }
  spacer.replaceChildren(...nodes);
  const chosen = state.shown[state.at];
  if (chosen) list.setAttribute("aria-activedescendant", "row-" + chosen.place);
}

function choose(at, show) {
  if (!state.shown.length) return;
  state.at = Math.min(Math.max(at, 0), state.shown.length - 1);
  const top = state.at * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
  draw();
  if (show) openStory(state.shown[state.at]);
}

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const ending = byId("ending").value, group = byId("group").value, order = byId("order").value;
  const chosen = state.shown[state.at];
  state.shown = rows.filter((row) => {
    if (ending && row.ending !== ending) return false;
    if (group && row.difficulty !== group && !row.tags.includes(group)) return false;
    const text = [row.id, row.ending, row.verdict, row.difficulty, ...row.tags].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (order !== "place") state.shown.sort((a, b) => b[order] - a[order] || a.place - b.place);
  state.at = chosen ? state.shown.indexOf(chosen) : -1;
  byId("count").textContent = `${number(state.shown.length)} of ${number(rows.length)}`;
  list.scrollTop = 0;
  draw();
}

/* ---------- the overview ---------- */

function table(heads, lines) {
  const cell = (tag, value) => el(tag, { class: typeof value === "number" || /^[\d.,]+( %)?$/.test(value) ? "number" : "", text: String(value) });
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { text: head })))),
    el("tbody", {}, ...lines.map((line) => el("tr", {}, ...line.map((value) => cell("td", value))))));
}

function svg(tag, options, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(options)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Shares with their intervals: a dot and a whisker each, as wide as the page allows.
function whiskers(lines) {
  const width = Math.min(620, Math.max(300, byId("main").clientWidth - 70));
  const left = width < 500 ? 100 : 170, right = width - 120, height = lines.length * 24 + 24;
  const longest = left / 7;
  const x = (share) => left + share * (right - left);
  const plot = svg("svg", { width, height, role: "img", "aria-label": "shares with 95 % intervals" });
  for (const share of width < 500 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]) {
    plot.append(svg("line", { class: "grid", x1: x(share), x2: x(share), y1: 0, y2: height - 20 }));
    plot.append(svg("text", { x: x(share), y: height - 6, "text-anchor": "middle" }, share * 100 + " %"));
  }
  lines.forEach(([name, share, interval, note], at) => {
    const y = at * 24 + 12;
    plot.append(svg("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, name.length > longest ? name.slice(0, longest - 1) + "…" : name));
    plot.append(svg("line", { class: "whisker", x1: x(interval.low), x2: x(interval.high), y1: y, y2: y }));
    plot.append(svg("circle", { class: "dot", cx: x(share), cy: y, r: 4.5 }));
    plot.append(svg("text", { x: right + 12, y: y + 4 }, `${(share * 100).toFixed(1)} % ${note}`));
  });
  return plot;
}

function overview() {
  const summary = data.summary, endings = summary.endings;
  const decided = endings.solved + endings.failed + endings.format_failure;
  const ms = (time) => time.secs * 1000 + time.nanos / 1e6;
  const tile = (value, text) => el("div", { class: "tile" }, el("b", { text: value }), el("span", { class: "faint", text }));
  const names = [["solved", endings.solved], ["failed", endings.failed], ["format failure", endings.format_failure],
    ["budget", endings.budget], ["judge fault", endings.judge_fault], ["endpoint fault", endings.endpoint_fault], ["stopped", endings.stopped]];
  const total = names.reduce((sum, [, n]) => sum + n, 0) || 1;
  const main = byId("main");
  const children = [
    el("h2", { text: `${summary.header.strategy} on ${summary.header.data}` }),
    el("p", { class: "meta", text: `${summary.header.model} · data ${summary.header.digest.slice(0, 12)} · run ${data.run}` }),
    el("div", { class: "tiles" },
      tile(summary.pass_at_1 === null ? "–" : percent(summary.pass_at_1), `pass@1, 95 % interval ${percent(summary.interval.low)} to ${percent(summary.interval.high)}`),
      tile(`${number(endings.solved)} / ${number(decided)}`, "solved of decided"),
      tile(summary.tokens_per_solved ? number(Math.round(summary.tokens_per_solved)) : "–", "tokens for each solve"),
      tile(`${seconds(ms(summary.time_p50))} · ${seconds(ms(summary.time_p95))}`, "time of a problem: median, 95th percentile"),
      summary.cost !== null ? tile(summary.cost.toFixed(4), "cost") : null),
    el("div", { class: "bar", role: "img", "aria-label": "endings" }, ...names.filter(([, n]) => n).map(([name, n]) =>
      el("i", { class: kind(name), style: `width:${n / total * 100}%`, title: `${name}: ${n}` }))),
    el("section", { class: "sheet" }, el("h3", { text: "Endings" }), table(["ending", "problems"], names.map(([name, n]) => [name, number(n)]))),
  ];
  const sheet = (title, node) => children.push(el("section", { class: "sheet" }, el("h3", { text: title }), node));
  if (summary.pass_at.length) sheet("pass@k", whiskers(summary.pass_at.map((one) => ["pass@" + one.k, one.share, one.interval, `(${one.n_problems})`])));
  for (const grouping of ["difficulty", "language", "tag"]) {
    const groups = summary.groups.filter((group) => group.grouping === grouping);
    if (groups.length < 2) continue;
    const largest = [...groups].sort((a, b) => b.n_decided - a.n_decided).slice(0, 24);
    const kept = groups.filter((group) => largest.includes(group));
    sheet("Solved by " + grouping, whiskers(kept.map((group) => [group.name, group.n_solved / group.n_decided, group.interval, `(${group.n_solved}/${group.n_decided})`])));
  }
  if (summary.places.length) sheet("Where solves happen", table(["program", "problems"], summary.places.map((one) =>
    [`plan ${one.place.plan_rank + 1}, ` + (one.place.debug_round ? `repair ${one.place.debug_round}` : "first program"), number(one.n_solved)])));
  if (summary.agents.length) sheet("Agents", table(["agent", "calls", "prompt tokens", "cached", "completion tokens", "time"], summary.agents.map((one) =>
    [one.agent, number(one.n_calls), number(one.usage.prompt_tokens), number(one.usage.cached_tokens), number(one.usage.completion_tokens), seconds(ms(one.time))])));
  if (summary.formats.length) sheet("Replies that broke their form", table(["agent", "contract", "replies", "failures", "share", "95 % interval", "recovered"], summary.formats.map((one) =>
    [one.agent, one.contract, number(one.n_replies), number(one.n_failures), percent(one.n_failures / one.n_replies), `${percent(one.interval.low)} to ${percent(one.interval.high)}`, number(one.n_recovered)])));
  children.push(el("p", { class: "meta" }, "Keys: ", ...["j", "k"].flatMap((key) => [el("kbd", { text: key }), " "]), "next and last problem, ",
    el("kbd", { text: "/" }), " search, ", el("kbd", { text: "f" }), " next ending, ", el("kbd", { text: "o" }), " overview, ", el("kbd", { text: "t" }), " light or dark"));
  state.open = null;
  main.replaceChildren(...children);
  main.scrollTop = 0;
  history.replaceState(null, "", "#");
}

/* ---------- one problem ---------- */

// Lines that two texts have in common, by the longest common subsequence; texts too long for it are shown whole.
function difference(before, after) {
  const a = before.trimEnd().split("\n"), b = after.trimEnd().split("\n");
  if (a.length * b.length > 4e6) return null;
  const width = b.length + 1, best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--)
    best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  const lines = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([" ", a[i]]); i++; j++; }
    else if (j >= b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) lines.push(["-", a[i++]]);
    else lines.push(["+", b[j++]]);
  }
  return lines;
}

function showDifference(before, after) {
  const lines = difference(before, after);
  if (!lines) return el("pre", { text: after });
  return el("pre", {}, ...lines.map(([mark, line]) =>
    el("span", { class: "line" + ({ "+": " added", "-": " removed", " ": "" })[mark], text: mark + " " + line })));
}

function showCall(call) {
  const form = { strict: "", recovered: " · form broken, recovered", failed: " · form broken, nothing recovered" }[call.format];
  const text = `${call.agent} · ${call.contract}${form} · ${number(call.prompt_tokens)} + ${number(call.completion_tokens)} tokens · ${seconds(call.ms)}` +
    (call.finish === "length" ? " · cut at the token limit" : "");
  return el("details", call.open ? { open: "" } : {},
    el("summary", {}, el("b", { text: call.title }), el("span", { class: "meta", text: "  " + text })),
    el("pre", { text: call.reply }),
    el("details", {}, el("summary", { class: "meta", text: "what was asked" }), el("pre", { text: call.part })));
}

function showJudging(judging, before) {
  const nodes = [];
  nodes.push(el("p", {}, el("b", { class: judging.n_passed === judging.n ? "solved" : "failed", text: `${judging.n_passed} of ${judging.n} samples` }),
    el("span", { class: "meta", text: `  ${judging.verdict} · plan ${judging.plan_rank + 1}` + (judging.debug_round ? `, repair ${judging.debug_round}` : ", first program") })));
  nodes.push(before === null ? el("pre", { text: judging.source }) : showDifference(before, judging.source));
  for (const test of judging.tests) nodes.push(el("details", test.verdict === "accepted" ? {} : { open: "" },
    el("summary", {}, el("span", { class: test.verdict === "accepted" ? "solved" : "failed", text: `test ${test.number}: ${test.verdict}` }), el("span", { class: "meta", text: `  ${test.ms} ms` })),
    ...[["test", test.test], ["wanted", test.wanted], ["got", test.got], ["said", test.message === test.test ? "" : test.message], ["standard error", test.stderr]]
      .filter(([, text]) => text).flatMap(([title, text]) => [el("span", { class: "meta", text: title }), el("pre", { text })])));
  if (judging.compile_log) nodes.push(el("span", { class: "meta", text: "the compiler says" }), el("pre", { text: judging.compile_log }));
  return el("section", { class: "sheet" }, ...nodes);
}

async function openStory(row) {
  state.open = row.place;
  const main = byId("main");
  const told = await story(row.place).catch(() => null);
  if (state.open !== row.place) return;
  const head = [
    el("h2", {}, el("span", { class: kind(row.ending), text: sign(row.ending) + " " }), row.id),
    el("p", { class: "meta", text: [row.ending, row.verdict && "hidden tests: " + row.verdict, row.difficulty && "difficulty " + row.difficulty, row.tags.join(", "),
      `${row.calls} calls, ${number(row.tokens)} tokens, ${seconds(row.ms)}`].filter(Boolean).join(" · ") }),
  ];
  if (!told) { main.replaceChildren(...head, el("p", { text: "The story of this problem is not in this file." })); return; }
  if (told.fault) head.push(el("p", { class: "other", text: told.fault }));
  const children = [...head, el("details", {}, el("summary", { text: "Statement and samples" }), el("pre", { text: told.beginning }))];
  let before = null, rank = null;
  for (const step of told.steps) {
    if (step.call) children.push(showCall(step.call));
    if (step.judging) {
      if (rank !== step.judging.plan_rank) before = null;
      children.push(showJudging(step.judging, before));
      before = step.judging.source;
      rank = step.judging.plan_rank;
    }
  }
  if (told.scoring) children.push(el("h3", { text: "Hidden tests" }), el("section", { class: "sheet" },
    el("p", {}, el("b", { class: told.scoring.verdict === "accepted" ? "solved" : "failed", text: told.scoring.verdict }), el("span", { class: "meta", text: "  " + told.scoring.message })),
    el("details", {}, el("summary", { text: "the program" }), el("pre", { text: told.scoring.source }))));
  main.replaceChildren(...children);
  main.scrollTop = 0;
  history.replaceState(null, "", "#" + encodeURIComponent(row.id));
}

/* ---------- setting up ---------- */

function fill() {
  byId("title").textContent = `${data.summary.header.strategy} on ${data.summary.header.data}, asking ${data.summary.header.model}`;
  document.title = `${data.summary.header.data}: mapcoder report`;
  const endings = [...new Set(rows.map((row) => row.ending))];
  byId("ending").append(el("option", { value: "", text: "every ending" }), ...endings.map((ending) => el("option", { value: ending, text: ending })));
  const difficulties = [...new Set(rows.map((row) => row.difficulty).filter(Boolean))].sort((a, b) => a - b || a.localeCompare(b));
  const tags = [...new Set(rows.flatMap((row) => row.tags))].sort();
  const group = byId("group");
  group.append(el("option", { value: "", text: "every group" }), ...difficulties.concat(tags).map((name) => el("option", { value: name, text: name })));
  group.hidden = difficulties.length + tags.length === 0;
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

function nextEnding() {
  const node = byId("ending");
  node.selectedIndex = (node.selectedIndex + 1) % node.options.length;
  filter();
}

// The problem that the address names, or the overview.
function openAddress() {
  const name = location.hash.slice(1);
  const at = name ? state.shown.findIndex((row) => encodeURIComponent(row.id) === name || row.id === name) : -1;
  if (at >= 0) choose(at, true); else overview();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape" || event.key === "Enter") { event.target.blur(); list.focus(); event.preventDefault(); }
    return;
  }
  const page = Math.floor(list.clientHeight / ROW_HEIGHT);
  const inMain = byId("main").contains(document.activeElement);
  const keys = {
    j: () => choose(state.at + 1, true), k: () => choose(state.at - 1, true),
    "/": () => byId("search").focus(), o: overview, Escape: overview, t: toggleTheme, f: nextEnding,
  };
  if (!inMain) Object.assign(keys, {
    ArrowDown: () => choose(state.at + 1, true), ArrowUp: () => choose(state.at - 1, true),
    PageDown: () => choose(state.at + page, true), PageUp: () => choose(state.at - page, true),
    Home: () => choose(0, true), End: () => choose(state.shown.length - 1, true), Enter: () => choose(state.at, true),
  });
  if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
});
for (const id of ["ending", "group", "order"]) byId(id).addEventListener("change", filter);
byId("search").addEventListener("input", filter);
byId("overview").addEventListener("click", overview);
byId("theme").addEventListener("click", toggleTheme);
list.addEventListener("scroll", () => requestAnimationFrame(draw));
addEventListener("resize", draw);
fill();
filter();
addEventListener("hashchange", openAddress);
openAddress();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
