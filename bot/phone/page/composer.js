// The alert composer: examples, placeholders, sending, the gateway's answer.

import { $, element, post, rupees } from "./dom.js";

const PLACEHOLDERS = ["{{close}}", "{{ticker}}", "{{timenow}}", "{{interval}}", "{{exchange}}"];
const WAIT_SECONDS = 20;

let values = {};
let example = 0;

const EXAMPLES = [
  { label: "BUY CE", text: (symbol) => order("BUY", "CE", symbol) },
  { label: "BUY PE", text: (symbol) => order("BUY", "PE", symbol) },
  { label: "SELL", text: (symbol) => order("SELL", "CE", symbol) },
  { label: "Plain text", text: () => "BUY CE" },
];

function order(action, optionType, symbol) {
  return `{
  "action": "${action}",
  "symbol": "${symbol}",
  "option_type": "${optionType}",
  "strike": {{close}},
  ${size(symbol)},
  "strategy": "My Strategy"
}`;
}

// One lot in units where the gateway tells its size; NIFTY's is the guide's own example.
function size(symbol) {
  if (values.lot_size) return `"quantity": ${values.lot_size}`;
  return symbol === "NIFTY" ? '"quantity": 65' : '"lots": 1';
}

export async function setUp() {
  $("examples").append(...EXAMPLES.map(exampleChip));
  $("placeholders").append(...PLACEHOLDERS.map(placeholderChip));
  $("composer").addEventListener("submit", (event) => (event.preventDefault(), send()));
  $("message").addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send());
  $("symbol").addEventListener("change", changeSymbol);
  await loadValues();
  useExample(0);
}

export function showPrice(spots) {
  const spot = spots?.[$("symbol").value];
  const price = typeof spot === "object" && spot !== null ? spot.last_price : spot;
  $("chart-price").textContent = price === undefined || price === null ? "" : rupees(price);
}

async function loadValues() {
  const response = await fetch(`/_phone/placeholders?symbol=${encodeURIComponent($("symbol").value)}`);
  values = response.ok ? await response.json() : {};
  for (const chip of $("placeholders").children) chip.title = `now ${values[chip.textContent.slice(2, -2)] ?? "unknown"}`;
}

async function changeSymbol() {
  const box = $("message");
  const untouched = example >= 0;
  await loadValues();
  if (untouched) useExample(example);
  else box.value = box.value.replace(/("symbol"\s*:\s*)"[A-Z]+"/, `$1"${$("symbol").value}"`);
}

function exampleChip({ label }, index) {
  return element("button", { type: "button", class: "chip", aria: { pressed: false }, onclick: () => useExample(index) }, label);
}

function useExample(index) {
  $("message").value = EXAMPLES[index].text($("symbol").value);
  mark(index);
}

function mark(index) {
  example = index;
  [...$("examples").children].forEach((chip, place) => chip.setAttribute("aria-pressed", place === index));
}

function placeholderChip(name) {
  const insert = () => {
    const box = $("message");
    box.setRangeText(name, box.selectionStart, box.selectionEnd, "end");
    mark(-1);
    box.focus();
  };
  return element("button", { type: "button", class: "chip", onclick: insert }, name);
}

async function send() {
  const button = $("send-alert");
  button.disabled = true;
  button.textContent = "Sending…";
  try {
    show(await post("/_phone/alert", { body: $("message").value, symbol: $("symbol").value, query: query() }));
  } catch (error) {
    show({ sent: "", status: 0, body: error.message });
  } finally {
    button.disabled = false;
    button.textContent = "Send alert";
  }
}

function query() {
  const parameters = new URLSearchParams();
  if ($("strategy").value.trim()) parameters.set("strategy", $("strategy").value.trim());
  if ($("wait").checked) parameters.set("wait", WAIT_SECONDS);
  return parameters.toString();
}

function show({ sent, status, body }) {
  const answer = parsed(body);
  const ok = status === 200 && answer?.success !== false;
  $("outcome").hidden = false;
  $("outcome-title").textContent = words(answer?.status) ?? (ok ? "Accepted" : "Not accepted");
  $("outcome-status").textContent = status || "no answer";
  $("outcome-status").className = `pill ${ok ? "good" : "bad"}`;
  $("outcome-body").textContent = answer === undefined ? body : JSON.stringify(answer, null, 2);
  $("outcome-sent").textContent = sent;
  $("outcome").scrollIntoView({ block: "nearest" });
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

// The gateway's status word as a title: awaiting_approval -> Awaiting approval.
function words(status) {
  return status ? status[0].toUpperCase() + status.slice(1).replaceAll("_", " ") : undefined;
}

document.addEventListener("input", (event) => event.target.id === "message" && mark(-1));
