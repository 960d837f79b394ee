"use strict";
// The page's state: what came in, how old it is, where the playhead stands, what is asked for.

const TITLES = { population: "What lives: the population", phylogeny: "How the living descend", competition: "Who wins: the streams",
  lineage: "Where it comes from: ancestry", decisions: "Why it won: decisions", rates: "Rates", outcomes: "Outcomes of candidates",
  kymograph: "Machine: dimensions, operators, actions", diversity: "Diversity, order, label", memory: "Memory: terms by likeness" };
const MEANINGS = { population: "Every cell is a living object, every colour one of the most frequent terms; grey are all others. Choose a cell, or an id in the table: beside it stands where it comes from and why it won.",
  phylogeny: "The most frequent living terms (green, with how many carry them), and the line of first reactants that led to them.",
  competition: "Streams propose candidates; the most salient one of a round wins. Here: how often each stream won, how salient winners were, how much a stream's word weighs. Without --streams nobody competes, and every new normal form wins.",
  lineage: "The object at the right, and what it was made of: an operator (op) applied to two reactants (a, b), some steps back; grey is what the file held at first, more may follow behind blue. modifiedBy: the winner whose term an automaton took; outer, inner: the two operators of a composition. Choose one to walk on from it.",
  decisions: "A winner, named as in m12.3 (tick 12, candidate 3): what its salience was made of, and whom it beat. A feature is high where it is near 1. Vetoes are results that a rule kept out; copy: equal to a reactant.",
  rates: "Candidates are reactions that were tried; modifications are those that won and were written to the log.",
  outcomes: "What became of the reactions: normal is a new normal form, copy one of its own reactants; steps, size, depth and input ran out of a budget; empty had nothing to react.",
  kymograph: "Where the state machine stood (D is the dimension of its state), and below which actions its transitions performed.",
  diversity: "Whether the run still makes what was not there before, and whether its order could be chance: figures, each with its window, and a label only where they bear one.",
  memory: "A dot is a living term; terms of a like shape stand close together, frequent ones are larger." };
const ROWS = [[["population", "phylogeny"], ["competition", "lineage", "decisions"]], [["rates"], ["outcomes"]], [["kymograph"]],
  [["diversity"]], [["memory"]]]; // of columns of panels: first what lives, why it won, where it comes from
const SILENCE = 3000; // milliseconds without a word of the server after which the head is red
const REST = 10000; // milliseconds in the background after which it asks for nothing
const LAG = 30; // seconds after which a panel that the log has left behind is grey

const NEWEST = "The page shows the newest state. Move the playhead to see the population after an earlier tick.";

const byId = (id) => document.getElementById(id);
const state = { values: new Map(), heard: 0, saved: null, tick: null, playing: 0, asking: 0, pinned: new Set() };

// Panels.

function build() {
  const panel = (name) => h("section", { class: "panel", id: name, "aria-labelledby": `${name}-title`, "aria-busy": "true" },
    h("h2", { id: `${name}-title` }, TITLES[name]), h("p", { class: "meaning" }, MEANINGS[name]), h("p", { class: "where" }, "being read"), h("p", { class: "reason" }), h("div", { class: "body" }));
  for (const row of ROWS) {
    byId("panels").append(h("div", { class: "row" }, ...row.map((names) => h("div", { class: "column" }, ...names.map(panel)))));
  }
}

function take(name, value) {
  value.received = performance.now();
  state.values.set(name, value);
  if (name === "head") { drawHead(value); return; }
  if (name === "folded") { drawFolded(value); return; }
  if (name === "timeline") { drawMoment(value); take("population", value); return; }
  const section = byId(name);
  section.removeAttribute("aria-busy");
  section.querySelector(".reason").textContent = visible(value.reason || "");
  if (!value.failed) DRAW[name](value, section.querySelector(".body"));
  freshen(name);
  if (["head", "population", "competition", "lineage"].includes(name)) drawShort();
}

/** What wins, why and where it comes from, in three sentences of the panels' own figures. */
function drawShort() {
  const { head, population, competition, lineage } = Object.fromEntries(state.values);
  const parts = [];
  if (head && !head.tick) parts.push("Nothing has run yet: these are the terms that the file holds. ");
  const first = population && !population.failed && population.species[0];
  const behind = first && head && state.tick == null ? head.tick - population.tick : 0;
  if (first) parts.push(`After tick ${said(population.tick)}${behind > 0 ? ` (${said(behind)} ticks behind the log)` : ""}, ${said(population.live)} objects live. The most frequent term is `, h("code", {}, visible(first.readable)),
    `, with ${said(first.count)} objects (${(100 * first.share).toFixed(1)} %); the oldest of them `, first.first_tick ? `has it since tick ${said(first.first_tick)}: ` : "came with the file or as input: ", idButtons(first.ids.slice(0, 1)),
    ...(first.winner && first.winner !== first.ids[0] ? ["; the oldest that won: ", idButtons([first.winner])] : []), ". ");
  const best = competition && [...(competition.shares || [])].sort((a, b) => b.share - a.share)[0];
  if (state.tick != null) parts.push("All else on this page is of the newest tick. ");
  else if (best && best.share) parts.push(`The stream ${visible(best.stream)} won most often: ${(100 * best.share).toFixed(0)} % of the winners of ${visible(competition.window)}. `);
  if (state.tick == null && lineage && lineage.nodes && lineage.nodes.length) {
    const made = new Map(lineage.edges.filter(([child]) => child === 0).map(([, parent, role]) => [role, idButtons([lineage.nodes[parent].id])]));
    parts.push(state.pinned.has("lineage") ? "You chose " : "The newest winner is ", idButtons([lineage.nodes[0].id]));
    if (made.has("op") && made.has("a")) parts.push(": ", made.get("op"), "applied to ", made.get("a"), ...(made.has("b") ? ["and ", made.get("b")] : []));
    parts.push("(choose one to see why it won, and where it comes from).");
  }
  const place = byId("short");
  const text = parts.map((part) => part.textContent ?? part).join("");
  if (place.dataset.text !== text) { place.dataset.text = text; place.replaceChildren(...parts); }
}

/** What a panel says of where it comes from; grey where the log has gone on without it. */
function freshen(name) {
  const value = state.values.get(name), section = byId(name), head = state.values.get("head");
  if (!value || !section) return;
  const since = (performance.now() - value.received) / 1000;
  const behind = head && value.tick != null && state.tick == null ? head.tick - value.tick : 0;
  const elsewhere = state.tick != null && name !== "population"; // the playhead does not move it
  const stale = state.saved ? false : silent() || elsewhere || (behind > 0 && since > LAG);
  section.classList.toggle("stale", Boolean(stale));
  const old = value.age == null ? null : value.age + since;
  const late = elsewhere ? ` · of the newest tick, not of tick ${said(state.tick)}` : behind > 0 ? ` · ${said(behind)} ticks behind the log` : "";
  section.querySelector(".where").textContent = `${value.source} · ${value.window} · n = ${said(value.n)} · ${age(old)}${late}`;
}

const silent = () => !state.saved && !state.resting && performance.now() - state.heard > SILENCE;

// The head.

function fact(name, value, more, wide) {
  return h("div", { class: wide ? "wide" : null }, h("dt", {}, name), h("dd", {}, value, more ? h("small", {}, more) : null));
}

function drawHead(v) {
  byId("log").textContent = visible(v.log);
  document.title = `${visible(v.log).split("/").pop()} · tick ${said(v.tick)}`;
  const r = v.rates;
  const rate = (value) => (value == null ? "-" : `${said(value, 3)}/s`);
  const why = r.reason || `over ${said(r.seconds, 3)} s`;
  byId("facts").replaceChildren(
    fact("Tick", said(v.tick), v.record ? `record: ${v.record}` : "no commit yet"),
    fact("Machine", visible(v.automaton || "none"), v.dimension == null ? null : `dimension ${v.dimension}`),
    fact("Modifications", said(v.counters.modifications ?? 0), r.reason || `${rate(r.modifications)} ${why}`),
    fact("Candidates", rate(r.candidates), why), fact("Ticks", rate(r.ticks), why),
    fact("Log", bytes(v.bytes), `${said(v.lines)} lines; durable ${bytes(v.durable_bytes)}`),
    fact("Verified", v.verified ? `to tick ${said(v.verified.tick)}` : "not known", v.verified ? null : "no note beside the log: verify --resume leaves one"),
    fact("Memory of the run", v.memory ? bytes(v.memory.bytes) : "-", v.memory ? `${v.memory.processes} processes; ${v.memory.source}` : v.memory_reason),
    fact("Last scaling decision, device", "not in the log", v.scaling_reason),
    fact("Head of the chain", h("code", {}, v.chain), null, true));
  byId("more").replaceChildren(
    table("Counters since the first tick", [["counter", "text"], ["count", "number"]], Object.entries(v.counters)),
    table("Actions since the first tick", [["action", "text"], ["count", "number"]], Object.entries(v.actions)),
    table("Options", [["option", "text"], ["value", "text"]], Object.entries(v.options).map(([name, value]) => [name, JSON.stringify(value)])));
  const range = byId("playhead");
  range.max = v.tick;
  byId("tick").max = v.tick;
  if (state.tick == null) { range.value = v.tick; byId("tick").value = v.tick; }
  alarm();
}

const WORDS = { writing: ["writing", "good"], waiting: ["waiting", ""], none: ["ended", "still"],
  stopped: ["stopped", "bad"], stalled: ["hangs", "bad"], died: ["died", "bad"] };

/** Red where the writer died or hangs, the file is another one, or the server is silent. */
function alarm() {
  const v = state.values.get("head");
  const [word, kind] = state.saved ? ["saved", "still"] : silent() ? ["no connection", "bad"] : v && v.gone ? ["replaced", "bad"]
    : v ? WORDS[v.writer.state] : ["connecting", ""];
  const pill = byId("writer");
  if (pill.textContent !== word) pill.textContent = word;
  pill.className = `pill ${kind}`;
  byId("head").classList.toggle("red", kind === "bad");
  const text = state.saved ? `as it was on ${state.saved}` : silent() ? "the server of this page is silent: what you see is old" : v ? visible(v.gone || v.writer.said) : "";
  const place = byId("alarm");
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
  place.classList.toggle("where", kind !== "bad");
  if (v) byId("head-where").textContent = `${v.source} · ${age(v.age == null ? null : v.age + (performance.now() - v.received) / 1000)}`;
}

// What is asked for.

async function ask(name, question, jump, follow) {
  if (!question || Object.values(question).some((value) => value === undefined)) return;
  const section = byId(name);
  if (jump) section.scrollIntoView({ block: "nearest" });
  if (state.saved) { section.querySelector(".reason").textContent = "a saved page answers nothing: open the observatory"; return; }
  const number = (state.asking += 1);
  section.setAttribute("aria-busy", "true");
  if (follow) state.pinned.delete(name); else state.pinned.add(name);
  try {
    const answer = await fetch(`panel/${name}?${new URLSearchParams(question)}`, { headers: { Accept: "application/json" } });
    const value = await answer.json();
    if (name === "timeline" && (number !== state.asking || state.tick == null)) return;
    take(name, value);
  } catch (error) {
    section.querySelector(".reason, .moment").textContent = `no answer: ${error.message}`;
  } finally {
    section.removeAttribute("aria-busy");
  }
}

/** Shows where an object comes from and why it won; none: of the newest winner, as it changes. */
function choose(id, near) {
  if (id === undefined) return;
  for (const name of ["lineage", "decisions"]) {
    ask(name, id ? { id } : {}, name === (near || "lineage"), !id);
  }
}

// The timeline.

function moveTo(tick) {
  const last = Number(byId("playhead").max);
  state.tick = Math.max(0, Math.min(last, Math.round(tick)));
  byId("playhead").value = state.tick;
  byId("playhead").setAttribute("aria-valuetext", `tick ${state.tick} of ${last}`);
  byId("tick").value = state.tick;
  byId("live").setAttribute("aria-pressed", "false");
  Object.keys(TITLES).forEach(freshen);
  drawShort();
  if (byId("moment").dataset.tick !== String(state.tick)) byId("moment").textContent = `reading the state after tick ${said(state.tick)} ...`;
  return ask("timeline", { tick: state.tick });
}

function newest() {
  state.tick = null;
  play(false);
  byId("live").setAttribute("aria-pressed", "true");
  byId("moment").textContent = NEWEST;
  delete byId("moment").dataset.tick;
  byId("timeline-where").textContent = "";
  state.pinned.delete("population");
  const head = state.values.get("head");
  if (head) drawHead(head);
  if (!state.saved && head) ask("population", {}, false, true);
}

function drawMoment(v) {
  const place = byId("moment");
  place.dataset.tick = v.tick;
  place.textContent = v.failed ? visible(v.reason)
    : `After tick ${said(v.tick)}: ${visible(v.automaton || "no machine")}, dimension ${v.dimension}; ${said(v.live)} live, ${said(v.distinct)} distinct terms; ${said(v.counters.modifications)} modifications; chain ${v.chain.slice(0, 16)}…`;
  if (!v.failed) byId("timeline-where").textContent = `${v.source} · snapshots are kept up to tick ${said(v.swept)} of ${said(v.last)}`;
}

/** How far the log was read for the timeline: what was read comes at once. */
function drawFolded(v) {
  const left = v.tick < v.last;
  byId("folded").hidden = !left;
  byId("folded-bar").value = v.last ? v.tick / v.last : 1;
  const text = `Being read for the timeline: to tick ${said(v.tick)} of ${said(v.last)}. Later ticks take longer until then.`;
  if (left) byId("folded-text").textContent = text;
  if (left) for (const place of document.querySelectorAll(".panel[aria-busy] .where")) {
    if (!state.values.has(place.parentElement.id)) place.textContent = `being read: tick ${said(v.tick)} of ${said(v.last)}`;
  }
}

async function play(on) {
  const own = (state.playing += 1);
  byId("play").setAttribute("aria-pressed", String(on));
  byId("play").textContent = on ? "Pause" : "Play";
  while (on && own === state.playing) {
    const last = Number(byId("playhead").max), at = state.tick == null || state.tick >= last ? -1 : state.tick;
    const begun = performance.now();
    await moveTo(at < 0 ? 0 : at + Number(byId("speed").value));
    if (state.tick >= last) { play(false); return; }
    await new Promise((done) => setTimeout(done, Math.max(50, 250 - (performance.now() - begun))));
  }
}

function controls() {
  let waiting = 0;
  byId("playhead").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => moveTo(Number(byId("playhead").value)), 120); });
  byId("tick").addEventListener("change", () => moveTo(Number(byId("tick").value)));
  const step = (by) => moveTo((state.tick ?? Number(byId("playhead").max)) + by * Number(byId("speed").value));
  byId("first").addEventListener("click", () => moveTo(0));
  byId("back").addEventListener("click", () => step(-1));
  byId("forth").addEventListener("click", () => step(1));
  byId("live").addEventListener("click", newest);
  byId("play").addEventListener("click", () => play(byId("play").getAttribute("aria-pressed") !== "true"));
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  redraw();
}

// The stream.

/** A page in the background asks for nothing after a while; in front again, it goes on. */
function rest() {
  let source = listen(), waiting = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(waiting);
    if (document.hidden) waiting = setTimeout(() => { source.close(); source = null; state.resting = true; }, REST);
    else if (!source) { state.heard = performance.now(); state.resting = false; source = listen(); }
  });
}

function listen() {
  const source = new EventSource("events");
  source.addEventListener("panel", (event) => {
    state.heard = performance.now();
    const { name, value } = JSON.parse(event.data);
    const held = state.pinned.has(name) || (name === "population" && state.tick != null);
    if (!held) take(name, value);
  });
  source.addEventListener("alive", () => { state.heard = performance.now(); });
  return source;
}

function begin() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  build();
  controls();
  const kept = byId("kept-values");
  if (kept) {
    const { saved, values } = JSON.parse(kept.textContent);
    state.saved = saved;
    byId("save").hidden = true;
    for (const control of document.querySelectorAll(".controls button, .controls input, .controls select, #playhead")) control.disabled = true;
    byId("moment").textContent = "A saved page shows the last state; the observatory replays any other.";
    for (const [name, value] of Object.entries(values)) if (!["timeline", "folded"].includes(name)) take(name, value);
    alarm();
    return;
  }
  state.heard = performance.now();
  byId("moment").textContent = NEWEST;
  rest();
  setInterval(() => { alarm(); Object.keys(TITLES).forEach(freshen); }, 500);
}

begin();
