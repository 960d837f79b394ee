"use strict";
// From values of panels to elements and plots. Text of a log is set as text, never as markup.

const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800",
  "#7b5ea7", "#8c564b", "#17becf", "#a6761d", "#e7298a"];
const OUTCOME_COLOURS = { normal: "#009e73", copy: "#56b4e9", steps: "#e69f00", size: "#d55e00",
  depth: "#cc79a7", input: "#7b5ea7", empty: "#9aa4b0" };

/** An element with attributes and children; strings become text. */
function h(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A number as people read it. */
function said(value, digits = 4) {
  if (value == null) return "-";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US")
    : String(Number(value.toPrecision(digits)));
}

function bytes(value) {
  if (value == null) return "-";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let k = 0;
  while (value >= 1000 && k < units.length - 1) { value /= 1000; k += 1; }
  return `${k ? value.toPrecision(3) : value} ${units[k]}`;
}

function age(seconds) {
  if (seconds == null) return "age unknown";
  if (seconds < 2) return "now";
  if (seconds < 120) return `${Math.round(seconds)} s old`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min old`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h old` : `${Math.round(seconds / 86400)} days old`;
}

/** Plotly takes some markup and entities in texts: what a log says shows as it is. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
}

/** Control marks that turn writing around are shown as escapes, as the commands do. */
function visible(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A table; a column is [title, kind] with kind "number", "text" or a function to an element. */
function table(caption, columns, rows) {
  const numbers = columns.map(([, kind]) => kind === "number");
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...columns.map(([title], k) =>
        h("th", { scope: "col", class: numbers[k] ? "number" : null }, title)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, k) =>
        h("td", { class: columns[k][1] },
          cell instanceof Node ? cell : numbers[k] ? said(cell) : visible(cell ?? "-")))))))); 
}

function details(title, ...children) {
  return h("details", {}, h("summary", {}, title), ...children);
}

// Plots.

function theme() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), soft: of("--soft"), edge: of("--edge"), card: of("--card"), accent: of("--accent") };
}

const pending = new Map();
/** Draws into an element, once it is seen: what nobody looks at costs nothing. */
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const job = entry.isIntersecting && pending.get(entry.target);
    if (job && !window.Plotly) { fetchPlotly(); return; }
    if (job) { pending.delete(entry.target); job(); }
  }
}, { rootMargin: "200px" });

/** The script that draws is large: it comes with the first plot, and figures do not wait for it. */
function fetchPlotly() {
  if (fetchPlotly.asked) return;
  fetchPlotly.asked = true;
  document.head.append(h("script", { src: "plotly.min.js", onload: () => {
    for (const element of pending.keys()) { seen.unobserve(element); seen.observe(element); }
  } }));
}

function plot(element, label, height, traces, layout, clicked) {
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  element.draw = () => {
    const t = theme();
    const axis = { gridcolor: t.edge, zerolinecolor: t.edge, linecolor: t.edge, automargin: true, fixedrange: true };
    const whole = { height, margin: { l: 46, r: 12, t: 8, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)", font: { color: t.ink, size: 12, family: "system-ui, sans-serif" },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, hoverlabel: { align: "left" },
      showlegend: traces.length > 1, dragmode: false, ...layout(t) };
    for (const name of Object.keys(whole).filter((key) => /^[xy]axis/.test(key))) whole[name] = { ...axis, ...whole[name] };
    for (const name of ["xaxis", "yaxis"]) whole[name] = whole[name] || axis;
    Plotly.react(element, traces, whole, { displayModeBar: false, responsive: true, staticPlot: false });
    if (clicked && !element.heard) { element.heard = true; element.on("plotly_click", clicked); }
  };
  pending.set(element, element.draw);
  seen.unobserve(element);
  seen.observe(element);
}

function redraw() {
  for (const element of document.querySelectorAll(".plot")) {
    if (element.draw && !pending.has(element)) element.draw();
  }
}

const line = (name, x, y, colour, more = {}) =>
  ({ name, x, y, mode: "lines", line: { color: colour, width: 1.6 }, ...more });
const onTicks = (title, y) => () => ({ xaxis: { title: { text: title } }, yaxis: { title: { text: y }, rangemode: "tozero" } });

/** The places in a panel's body, made once and filled each time. */
function slots(body, ...names) {
  if (!body.slots) {
    body.slots = {};
    body.replaceChildren(...names.map((name) => {
      const own = h("div", { class: name.startsWith("plot") ? "plot" : null });
      body.slots[name] = own;
      return own;
    }));
  }
  return body.slots;
}

const DRAW = {
  rates(v, body) {
    const own = slots(body, "title1", "plot1", "title2", "plot2");
    own.title1.replaceChildren(h("h3", {}, "Per tick, from the log"));
    plot(own.plot1, `Modifications and candidates a tick, ${v.window}`, 210, [
      line("candidates", v.tick_of, v.candidates, COLOURS[0]), line("modifications", v.tick_of, v.modifications, COLOURS[1]),
    ], onTicks("tick", "a tick"));
    own.title2.replaceChildren(h("h3", {}, "Per second, while this page looks"),
      h("p", { class: "reason" }, v.seconds_reason));
    own.plot2.hidden = Boolean(v.seconds_reason);
    if (!v.seconds_reason) plot(own.plot2, "Modifications and candidates a second while this page looks", 190, [
      line("candidates/s", v.seconds, v.candidates_s, COLOURS[0]), line("modifications/s", v.seconds, v.modifications_s, COLOURS[1]),
      line("ticks/s", v.seconds, v.ticks_s, COLOURS[2], { yaxis: "y2" }),
    ], () => ({ xaxis: { title: { text: "seconds" } }, yaxis: { title: { text: "a second" }, rangemode: "tozero" },
      yaxis2: { overlaying: "y", side: "right", rangemode: "tozero", showgrid: false, title: { text: "ticks/s" } } }));
  },

  outcomes(v, body) {
    const own = slots(body, "plot", "table");
    const names = Object.keys(v.shares);
    plot(own.plot, `Shares of candidates by outcome, ${v.window}: ${names.map((n) => `${n} ${v.totals[n]}`).join(", ")}`, 250,
      names.map((name) => line(name, v.tick_of, v.shares[name], OUTCOME_COLOURS[name], { stackgroup: "all", line: { width: 0.5, color: OUTCOME_COLOURS[name] } })),
      () => ({ xaxis: { title: { text: "tick" } }, yaxis: { range: [0, 1], tickformat: ".0%" } }));
    own.table.replaceChildren(details("All candidates by outcome", table("Candidates by outcome", [["outcome", "text"], ["candidates", "number"], ["share", "number"]],
      names.map((name) => [name, v.totals[name], v.n ? v.totals[name] / v.n : null]))));
  },

  kymograph(v, body) {
    const own = slots(body, "plot", "table");
    const actions = Object.keys(v.actions);
    const marks = { x: [], y: [], text: [], size: [] };
    actions.forEach((name) => v.actions[name].forEach((count, k) => {
      if (count) { marks.x.push(v.tick_of[k]); marks.y.push(name); marks.text.push(`${name}: ${count} up to tick ${v.tick_of[k]}`); marks.size.push(4 + Math.min(8, Math.log2(1 + count))); }
    }));
    plot(own.plot, `Dimensions of the machine and actions, ${v.window}`, 380, [
      { type: "heatmap", x: v.tick_of, y: v.dimensions.map((d) => `D${d}`), z: v.shares, zmin: 0, zmax: 1, showscale: false,
        colorscale: [[0, "rgba(0,114,178,0)"], [1, "#0072b2"]], customdata: v.shares.map(() => v.automata.map(plain)),
        hovertemplate: "up to tick %{x}<br>%{y}: %{z:.0%}<br>then at %{customdata}<extra></extra>", ygap: 1 },
      { type: "scatter", mode: "markers", x: marks.x, y: marks.y, yaxis: "y2", text: marks.text, hoverinfo: "text",
        marker: { color: COLOURS[5], size: marks.size, symbol: "diamond" }, showlegend: false },
    ], () => ({ showlegend: false, xaxis: { title: { text: "tick" }, anchor: "y2", range: v.tick_of.length ? [Math.min(...v.tick_of) - 1, v.tick_of[v.tick_of.length - 1] + 1] : undefined }, yaxis: { domain: [0.48, 1], type: "category", dtick: 1 },
      yaxis2: { domain: [0, 0.44], type: "category", dtick: 1 } }));
    own.table.replaceChildren(
      details("Operators in force", table("Automata that were current and what they apply",
        [["automaton", "text"], ["ticks", "number"], ["operator", "text"]], v.operators.map((o) => [o.automaton, o.ticks, o.operator]))),
      details(`Versions that the log wrote (${v.versions.length})`, v.versions.length ? table("Versions of operators, the newest first",
        [["tick", "number"], ["automaton", "text"], ["operator", "text"], ["by", "text"], ["line", "number"]],
        v.versions.map((o) => [o.tick, o.automaton, o.operator, o.by, o.line])) : h("p", {}, "none: no automaton was modified")));
  },

  competition(v, body) {
    const own = slots(body, "plot1", "title2", "plot2", "title3", "plot3", "table");
    own.plot1.hidden = own.plot3.hidden = !v.shares.length;
    if (v.shares.length) plot(own.plot1, `Win shares by stream: ${v.shares.map((s) => `${s.stream} ${said(s.share, 3)}`).join(", ")}`, 200, [
      { type: "bar", x: v.shares.map((s) => plain(s.stream)), y: v.shares.map((s) => s.share), marker: { color: COLOURS[0] },
        error_y: { type: "data", symmetric: false, array: v.shares.map((s) => s.high - s.share), arrayminus: v.shares.map((s) => s.share - s.low) },
        hovertemplate: "%{x}: %{y:.4f}<extra></extra>" },
    ], () => ({ xaxis: { type: "category" }, yaxis: { title: { text: "share of wins" }, tickformat: ".0%", rangemode: "tozero" } }));
    own.title2.replaceChildren(v.salience.counts.length ? h("h3", {}, "Salience of winners") : "");
    own.plot2.hidden = !v.salience.counts.length;
    if (v.salience.counts.length) plot(own.plot2, "Distribution of the winners' salience", 150, [histogram(v.salience, COLOURS[2])], () => ({ yaxis: { type: "log", dtick: 1, title: { text: "winners" } }, bargap: 0.02 }));
    own.title3.replaceChildren(v.weights.tick_of.length ? h("h3", {}, `Weights of the streams, ${v.weights.window}`) : "");
    if (v.shares.length) plot(own.plot3, `Weights of the streams, ${v.weights.window}`, 170,
      Object.entries(v.weights.by_stream).map(([name, y], k) => line(plain(name), v.weights.tick_of, y, COLOURS[k])), onTicks("tick", "weight"));
    const known = v.shares.map((s) => s.stream).filter((name) => STREAMS[name.split("~")[0]]);
    own.table.replaceChildren(known.length ? details("What each stream proposes", h("dl", {}, ...known.map((name) =>
      h("div", {}, h("dt", {}, visible(name)), h("dd", { class: "meaning" }, STREAMS[name.split("~")[0]]))))) : "", details("Figures", figures(v.figures)));
  },

  diversity(v, body) {
    const own = slots(body, "label", "figures", "title1", "plot1", "title2", "plot2");
    own.label.replaceChildren(h("p", { class: "label" }, v.label.label ? `Label: ${v.label.label}` : "No label"),
      h("ul", {}, ...v.label.evidence.map((text) => h("li", {}, visible(text)))));
    own.figures.replaceChildren(figures(v.figures));
    own.title1.replaceChildren(h("h3", {}, "Sizes of winners (nodes)"));
    plot(own.plot1, "Distribution of the winners' sizes in nodes", 150, [histogram(v.sizes, COLOURS[4])], () => ({ bargap: 0.02 }));
    own.title2.replaceChildren(h("h3", {}, "Beta steps of winners"));
    plot(own.plot2, "Distribution of the winners' beta steps", 150, [histogram(v.beta, COLOURS[3])], () => ({ bargap: 0.02, yaxis: { type: "log", dtick: 1 } }));
  },

  population(v, body) {
    const own = slots(body, "count", "plot", "table");
    own.count.replaceChildren(h("p", {}, `${said(v.live)} live in ${said(v.places)} places, ${said(v.distinct)} distinct terms among them`));
    drawMap(own.plot, v);
    own.table.replaceChildren(table("The most frequent terms", [["", "mark"], ["count", "number"], ["term", "text"], ["oldest", "text"], ["share", "number"], ["nodes", "number"], ["oldest since", "number"]],
      v.species.map((s, k) => [swatch(k), s.count, s.readable, idButtons(s.ids.slice(0, 1)), Number(s.share.toPrecision(3)), s.size, s.first_tick])));
  },

  lineage(v, body) {
    const own = slots(body, "form", "term", "plot", "table");
    if (!own.form.firstChild) own.form.replaceChildren(asking("lineage", "Ancestry of the object with the id", "id", v.id));
    answered("lineage", v.id);
    own.term.replaceChildren(h("p", { class: "mono" }, visible(v.id), v.term ? `: ${visible(v.term)}` : ""), v.cut ? h("p", { class: "reason" }, "more ancestors than are drawn: walk on from one of them") : "");
    own.plot.hidden = !v.nodes.length;
    if (v.nodes.length) drawGraph(own.plot, v);
    const parents = new Map();
    for (const [child, parent, role] of v.edges) parents.set(child, [...(parents.get(child) || []), [v.nodes[parent], role]]);
    own.table.replaceChildren(v.nodes.length ? details("Walk: ancestors as a table", table("Ancestors, nearest first", [["steps back", "number"], ["object", "text"], ["tick", "number"], ["from", "text"], ["term", "text"]],
      v.nodes.map((node, k) => [node.depth, idButtons([node.id]), node.tick, h("span", {}, ...(parents.get(k) || []).flatMap(([p, role]) => [`${role}: `, idButtons([p.id]), " "])), node.term]))) : "");
  },

  phylogeny(v, body) {
    const own = slots(body, "note", "plot");
    own.note.replaceChildren(v.cut ? h("p", { class: "reason" }, "reading was cut short: the oldest steps are left out") : "");
    if (v.nodes.length) drawTree(own.plot, v);
  },

  memory(v, body) {
    const own = slots(body, "plot", "form", "reason", "table");
    if (v.x.length) {
      const [one, two] = v.explained.map((share) => `${(100 * share).toFixed(1)} %`);
      plot(own.plot, `Living terms on the plane of their greatest variance, ${v.n} terms`, 300, [
        { type: "scatter", mode: "markers", x: v.x, y: v.y, hoverinfo: "text",
          text: v.term.map((t, k) => `${plain(v.name[k])}<br>${folded(t)}<br>${v.count[k]} objects`),
          marker: { color: COLOURS[0], opacity: 0.6, size: v.count.map((c) => Math.min(26, 4 + 2 * Math.sqrt(c))) } },
      ], () => ({ xaxis: { title: { text: `first component, ${one} of the variance` } }, yaxis: { title: { text: `second, ${two}` } } }), (event) => choose(v.name[event.points[0].pointIndex]));
    }
    if (!own.form.firstChild) own.form.replaceChildren(asking("memory", "Recall terms like", "term", "λx.x"));
    own.reason.replaceChildren(h("p", { class: "reason" }, visible(v.recall_reason)));
    own.table.replaceChildren(v.recalled.length ? table(`Most like ${visible(v.asked)}, of ${said(v.items)} remembered`, [["likeness", "number"], ["id", "text"], ["tick", "number"], ["stream", "text"], ["term", "text"]],
      v.recalled.map((r) => [Number(r.likeness.toFixed(6)), idButtons([r.id]), r.tick, r.stream, r.term])) : "");
  },

  decisions(v, body) {
    const own = slots(body, "form", "why", "more");
    if (!own.form.firstChild) own.form.replaceChildren(asking("decisions", "Why did the modification win", "id", v.id));
    answered("decisions", v.id);
    own.why.replaceChildren(...(v.why ? reasons(v.why) : [h("p", { class: "reason" }, visible(v.why_reason)), ...(v.why_ids ? [idButtons(v.why_ids)] : [])]));
    const vetoes = Object.entries(v.vetoes);
    own.more.replaceChildren(
      h("h3", {}, `Vetoes by rule, ${v.window}`), vetoes.length ? table("Vetoes by rule", [["rule", "text"], ["vetoes", "number"]], vetoes) : h("p", {}, "none"),
      h("h3", {}, "Input"), h("p", {}, `${said(v.accepted)} lines accepted, ${said(v.refused)} refused since the first tick`),
      v.inputs.length ? table("The last accepted lines", [["tick", "number"], ["line", "number"], ["text", "text"]], v.inputs.map((i) => [i.tick, i.line, i.text])) : "",
      v.refused ? h("p", { class: "reason" }, v.refused_reason) : "");
  },
};

function histogram(v, colour) {
  return { type: "bar", x: v.middles, y: v.counts, marker: { color: colour }, hovertemplate: "%{x}: %{y}<extra></extra>" };
}

function figures(rows) {
  return table("Figures, as observe prints them", [["figure", "text"], ["value", "number"], ["95 % interval", "text"], ["unit", "text"], ["window", "text"], ["n", "number"], ["note", "text"]],
    rows.map((f) => [f.name, f.value, f.low == null ? "-" : `${said(f.low)} to ${said(f.high)}`, f.unit, f.window, f.n, f.note]));
}

/** What the streams propose; others are variants of these. */
const STREAMS = { sensation: "terms that came in of late, as input or composed; where none did, those that the file began with", memory: "losers that are most like what won of late",
  emotion: "the most salient of the winners of late", anchor: "the terms that were used most",
  reason: "reckoning, rules, rewriting and composing", uniform: "any two terms" };

function swatch(k) {
  const made = h("span", { class: "swatch", title: k < COLOURS.length ? "its colour on the map" : "other terms" });
  made.style.background = k < COLOURS.length ? COLOURS[k] : "#9aa4b0";
  return made;
}

/** Long terms in lines that a hover box can hold. */
function folded(text) {
  return (String(text).match(/[\s\S]{1,60}/gu) || []).map(plain).join("<br>");
}

function idButtons(ids) {
  return h("span", {}, ...ids.flatMap((id) => [h("button", { type: "button", title: "Show where it comes from and why it won", onclick: () => choose(id) }, visible(id)), " "]));
}

/** A form that asks for a panel of something. */
function asking(name, label, field, example) {
  const input = h("input", { name: field, value: example, autocomplete: "off", spellcheck: "false", id: `ask-${name}` });
  return h("form", { role: "search", "aria-label": label, onsubmit: (event) => { event.preventDefault(); if (field === "id") choose(input.value, name); else ask(name, { [field]: input.value }); } },
    h("label", { for: `ask-${name}` }, label), input, h("button", { type: "submit" }, "Show"),
    field === "id" ? h("button", { type: "button", title: "Follow the newest winner again", onclick: () => choose("") }, "Newest winner") : null);
}

/** The field says what is shown, unless somebody is writing in it. */
function answered(name, value) {
  const input = document.getElementById(`ask-${name}`);
  if (input !== document.activeElement) input.value = value;
}

/** What the features of a candidate say, from 0 to 1. */
const FEATURES = { relevance: "like what won of late", importance: "made of terms that many winners were made of",
  novelty: "not seen before, and unlike what lost of late", connection: "made of terms that had a part in a win of late",
  arousal: "much work, and a great change in size" };

function reasons(why) {
  const one = 65536;
  const feature = (name) => h("span", { title: FEATURES[name] }, name, FEATURES[name] ? h("span", { class: "feature" }, `: ${FEATURES[name]}`) : "");
  const rows = Object.entries(why.features).map(([name, value]) => [feature(name), value / one, (why.mixture[name] || 0) / one]);
  const second = why.runnerUp;
  return [h("p", {}, `${visible(why.id)}: round ${why.round} of tick ${why.tick}, proposed by ${visible(why.stream)} (${why.source === "kept" ? "kept with --decisions" : "computed again"})`),
    h("p", {}, `salience ${(why.salience / one).toFixed(4)} = ${(why.salience / why.weight).toFixed(4)} by its features (the sum of value × weighs) × ${(why.weight / one).toFixed(3)}, how much the word of its stream weighed (1: no more than others)`),
    table("What its salience is made of", [["feature", "text"], ["value", "number"], ["weighs", "number"]], rows),
    h("p", {}, second ? `runner-up ${visible(second.id)} of ${visible(second.stream)}, ${why.salience === second.salience ? "equally salient; a draw decided" : `${((why.salience - second.salience) / one).toFixed(4)} behind`}` : "no runner-up: no other stream had a candidate")];
}

function drawMap(element, v) {
  const cells = v.cells;
  const side = Math.max(1, Math.ceil(Math.sqrt(v.places)));
  const columns = Math.min(v.places, Math.max(side, 1)), rows = Math.ceil(Math.max(1, v.places) / columns);
  const last = cells.place.length ? cells.place[cells.place.length - 1] : 0;
  const drawn = Math.min(rows, Math.floor(last / columns) + 1);
  const z = Array.from({ length: drawn }, () => Array(columns).fill(null));
  const text = Array.from({ length: drawn }, () => Array(columns).fill(""));
  const known = COLOURS.length;
  cells.place.forEach((place, k) => {
    const y = Math.floor(place / columns), x = place % columns, kind = cells.species[k];
    z[y][x] = Math.min(kind, known);
    text[y][x] = `place ${place}: ${plain(cells.name[k])}<br>${folded(cells.term[kind])}<br>${cells.count[kind]} objects carry it`;
  });
  plot(element, `Map of the population: ${said(v.live)} live, ${said(v.distinct)} distinct terms; the most frequent has a share of ${v.species.length ? said(v.species[0].share, 3) : 0}`, Math.min(420, element.clientWidth || 420), [
    { type: "heatmap", z, text, hoverinfo: "text", zmin: -0.5, zmax: known + 0.5, showscale: false, xgap: drawn < 60 ? 1 : 0, ygap: drawn < 60 ? 1 : 0,
      colorscale: [...COLOURS, "#9aa4b0"].flatMap((colour, k) => [[k / (known + 1), colour], [(k + 1) / (known + 1), colour]]) },
  ], () => ({ margin: { l: 4, r: 4, t: 4, b: 4 }, xaxis: { visible: false, constrain: "domain" }, yaxis: { visible: false, autorange: "reversed", scaleanchor: "x", constrain: "domain" } }),
  (event) => { const p = event.points[0], at = p.y * columns + p.x, k = cells.place.indexOf(at); if (k >= 0) choose(cells.name[k]); });
}

function drawGraph(element, v) {
  const roles = { op: COLOURS[1], a: COLOURS[0], b: COLOURS[2], modifiedBy: COLOURS[5] };
  const traces = [...new Set(v.edges.map((edge) => edge[2]))].map((role) => {
    const x = [], y = [];
    for (const [child, parent, own] of v.edges) if (own === role) {
      x.push(-v.nodes[child].depth, -v.nodes[parent].depth, null); y.push(v.nodes[child].at, v.nodes[parent].at, null);
    }
    return { name: plain(role), x, y, mode: "lines", line: { color: roles[role] || COLOURS[3], width: 1 }, hoverinfo: "skip" };
  });
  const few = v.nodes.length <= 30;
  traces.push({ name: "objects", x: v.nodes.map((n) => -n.depth), y: v.nodes.map((n) => n.at), mode: few ? "markers+text" : "markers",
    text: v.nodes.map((n) => plain(n.id.length > 14 ? `${n.id.slice(0, 13)}…` : n.id)), textposition: "top center", textfont: { size: 10 }, showlegend: false,
    hovertext: v.nodes.map((n) => `${plain(n.id)}<br>${n.tick ? `tick ${n.tick}` : "genesis"}, line ${n.line}<br>${folded(n.term)}`), hoverinfo: "text",
    marker: { size: 9, color: v.nodes.map((n) => (n.tick ? COLOURS[0] : "#9aa4b0")) } });
  plot(element, `Ancestry of ${v.id}: ${v.nodes.length} objects in ${v.depth} steps`, 340, traces,
    () => ({ xaxis: { title: { text: "steps back (left: older)" }, dtick: 1, zeroline: false, range: [-Math.max(...v.nodes.map((n) => n.depth)) - 0.5, 0.5] }, yaxis: { visible: false } }),
    (event) => { const node = event.points[0].data.name === "objects" && v.nodes[event.points[0].pointIndex]; if (node) choose(node.id); });
}

/** Of nodes whose labels would lie on one another, those that most objects carry. */
function apart(nodes) {
  const wide = 0.2 * Math.max(1, ...nodes.map((n) => n.tick)), kept = [];
  for (const node of [...nodes].sort((a, b) => b.count - a.count)) {
    if (!kept.some((other) => Math.abs(other.y - node.y) < 0.7 && Math.abs(other.tick - node.tick) < wide)) kept.push(node);
  }
  return kept;
}

function drawTree(element, v) {
  const x = [], y = [];
  for (const node of v.nodes) if (node.parent != null) {
    const up = v.nodes[node.parent];
    x.push(up.tick, up.tick, node.tick, null); y.push(up.y, node.y, node.y, null);
  }
  const leaves = apart(v.nodes.filter((n) => n.count));
  plot(element, `Phylogeny of ${v.n} living terms along reactant a`, Math.max(260, 60 + 14 * v.n), [
    { x, y, mode: "lines", line: { color: "#9aa4b0", width: 1 }, hoverinfo: "skip" },
    { x: v.nodes.map((n) => n.tick), y: v.nodes.map((n) => n.y), mode: "markers", hoverinfo: "text", marker: { size: v.nodes.map((n) => (n.count ? 8 : 4)), color: v.nodes.map((n) => (n.count ? COLOURS[2] : n.tick ? COLOURS[0] : "#9aa4b0")) },
      text: v.nodes.map((n) => `${plain(n.id)}, tick ${n.tick}${n.count ? `<br>${n.count} live<br>${folded(n.term)}` : ""}`) },
    { x: leaves.map((n) => n.tick), y: leaves.map((n) => n.y), mode: "text", text: leaves.map((n) => ` ${plain(n.id)} ×${n.count}`), textposition: "middle right", textfont: { size: 10 }, hoverinfo: "skip", cliponaxis: false },
  ], () => ({ showlegend: false, xaxis: { title: { text: "tick (0: the genesis)" } }, yaxis: { visible: false }, margin: { l: 12, r: 110, t: 8, b: 34 } }),
  (event) => choose(v.nodes[event.points[0].pointIndex]?.id));
}
