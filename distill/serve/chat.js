// The page: sends a question to every model, and shows the blocks, verdicts and graphs that the server sends back.
// Text from a model is only ever set as text; the one piece of markup is the graph, which the server has escaped.

const $ = (id) => document.getElementById(id);
const isNarrow = () => matchMedia("(max-width: 40rem)").matches;
const columns = []; // {model, element, messages}
let key = sessionStorage.getItem("key") ?? "";
let running = null; // AbortController of the answers that are being written

function headers() {
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

async function start() {
  const response = await fetch("page/facts", { headers: headers() });
  if (response.status === 401) {
    $("key-form").hidden = false;
    if (key) say("This key is wrong.");
    $("key").focus();
    return;
  }
  const facts = await response.json();
  $("key-form").hidden = true;
  $("about").textContent = `Running here: ${facts.models.map((model) => model.name).join(" and ")}. Nothing leaves this server.`;
  $("samples").max = facts.max_samples;
  fillExamples(facts.examples);
  for (const model of facts.models) addColumn(model);
  readLink();
}

function fillExamples(examples) {
  for (const { language, questions } of examples) {
    const group = document.createElement("optgroup");
    group.label = language;
    for (const question of questions) group.append(new Option(question, question));
    $("examples").append(group);
  }
}

function addColumn(model) {
  const element = $("column-template").content.cloneNode(true).firstElementChild;
  element.querySelector("h2").textContent = model.name;
  element.querySelector(".note").textContent = model.keeps_turns
    ? "Keeps the conversation." : "Answers the last question only; it was not taught conversations.";
  $("columns").append(element);
  columns.push({ model, element, messages: [] });
}

function readLink() {
  const question = new URLSearchParams(location.hash.slice(1)).get("q");
  if (question) $("question").value = question;
}

async function ask(question) {
  running = new AbortController();
  setRunning(true);
  location.replace(`#${new URLSearchParams({ q: question })}`);
  await Promise.all(columns.map((column) => askOne(column, question, running.signal)));
  running = null;
  setRunning(false);
}

async function askOne(column, question, signal) {
  const turn = addTurn(column, question);
  const samples = Number($("samples").value) || 1;
  const request = {
    model: column.model.name,
    messages: [...column.messages, { role: "user", content: question }],
    temperature: samples > 1 ? Number($("temperature").value) || 0.7 : Number($("temperature").value),
    max_tokens: Number($("length").value) || 384,
    n: samples,
    vote: samples > 1 ? $("vote").value : null,
    seed: Math.floor(Math.random() * 2 ** 31),
  };
  let text = "";
  try {
    const url = `page/answer?narrow=${Number(isNarrow())}`;
    const response = await fetch(url, { method: "POST", headers: headers(), body: JSON.stringify(request), signal });
    if (!response.ok) throw new Error((await response.json()).error.message);
    for await (const { event, data } of eventsOf(response.body)) {
      if (event === "growth") { text = data.text; showGrowth(turn, data); }
      else if (event === "done") showDone(turn, data, text);
      else throw new Error(data.message);
    }
  } catch (error) {
    const stopped = error.name === "AbortError";
    turn.querySelector(".outcome").textContent = stopped ? "stopped" : error.message;
    turn.querySelector(".outcome").classList.toggle("failed", !stopped);
  }
  turn.classList.remove("writing");
  if (column.model.keeps_turns && text) {
    column.messages.push({ role: "user", content: question }, { role: "assistant", content: text });
  }
}

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
      const [event, data] = buffer.slice(0, end).split("\n");
      yield { event: event.slice(7), data: JSON.parse(data.slice(6)) };
    }
  }
}

function addTurn(column, question) {
  const turn = $("turn-template").content.cloneNode(true).firstElementChild;
  turn.classList.add("writing");
  turn.querySelector(".question").textContent = question;
  column.element.querySelector(".turns").append(turn);
  turn.scrollIntoView({ block: "nearest" });
  return turn;
}

function showGrowth(turn, data) {
  turn.querySelector(".panels").replaceChildren(...data.blocks.map(panel));
  turn.querySelector(".gate").hidden = !data.verifying;
  turn.querySelector(".outcome").textContent = data.checked ? `${data.held} of ${data.checked} computations are right` : "";
  const graph = turn.querySelector(".graph");
  graph.hidden = !data.svg;
  graph.innerHTML = data.svg; // drawn and escaped by the server
}

function panel(block) {
  const element = document.createElement("section");
  element.className = `panel ${block.stage}`;
  if (block.stage) element.append(made("h3", block.stage));
  const list = document.createElement("ul");
  for (const piece of block.pieces) {
    const item = made("li", piece.text);
    if (piece.correct !== null) {
      const mark = made("span", piece.correct ? " ✓" : " ✗", piece.correct ? "ok" : "bad");
      mark.setAttribute("aria-label", piece.correct ? "holds" : "does not hold");
      mark.setAttribute("role", "img");
      item.append(mark);
    }
    if (piece.note) item.append(made("span", ` ${piece.note}`, "bad"));
    item.classList.toggle("wrong", piece.correct === false);
    list.append(item);
  }
  element.append(list);
  return element;
}

function made(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

function showDone(turn, data, text) {
  const verdict = turn.querySelector(".outcome");
  const speed = data.seconds ? ` · ${Math.round(data.tokens / data.seconds)} tokens a second` : "";
  const cut = data.finish_reason === "length" ? " · cut at the longest answer" : "";
  verdict.textContent = [verdict.textContent, `${data.tokens} tokens`].filter(Boolean).join(" · ") + speed + cut;
  if (data.votes) {
    const { how, counted, samples, answers } = data.votes;
    const votes = answers.map((one) => made("li", `${one.answer}: ${one.votes} of ${counted}` + (how === "verify" ? `, weight ${one.weight.toFixed(1)}` : "")));
    if (counted < samples) votes.push(made("li", `decided after ${counted} of ${samples} samples`));
    turn.querySelector(".votes").replaceChildren(...votes);
  }
  turn.querySelector(".actions").hidden = false;
  turn.querySelector(".copy").onclick = (event) => copy(text, event.target);
  turn.querySelector(".save").onclick = () => save("graph.svg", data.picture, "image/svg+xml");
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    flash(button, "Copied");
  } catch {
    say("The browser does not let this page copy; select the text instead.");
  }
}

function flash(button, text) {
  const before = button.dataset.label ??= button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1500);
}

function save(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function setRunning(isRunning) {
  $("ask").disabled = isRunning;
  $("stop").disabled = !isRunning;
  say(isRunning ? "answering…" : "done");
}

function say(text) { $("status").textContent = text; }

$("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (question && !running) ask(question);
});
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask-form").requestSubmit();
  }
});
$("stop").addEventListener("click", () => running?.abort());
$("clear").addEventListener("click", () => {
  running?.abort();
  for (const column of columns) {
    column.messages = [];
    column.element.querySelector(".turns").replaceChildren();
  }
  $("question").focus();
});
$("link").addEventListener("click", (event) => {
  const hash = new URLSearchParams({ q: $("question").value.trim() });
  copy(`${location.origin}${location.pathname}#${hash}`, event.target);
});
$("examples").addEventListener("change", (event) => { if (event.target.value) $("question").value = event.target.value; });
$("temperature").addEventListener("input", (event) => { $("temperature-shown").value = event.target.value; });
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value;
  sessionStorage.setItem("key", key);
  start();
});
addEventListener("hashchange", readLink);
start();
