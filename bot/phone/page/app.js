// Joins the parts: the event stream, the tabs, the clock.

import * as chat from "./chat.js";
import * as composer from "./composer.js";
import { $ } from "./dom.js";
import * as market from "./market.js";
import * as typing from "./typing.js";

const TYPING_SECONDS = 5; // as long as Telegram shows a chat action
let typingTimer = 0;

function presence(text) {
  clearTimeout(typingTimer);
  $("presence").textContent = text;
}

function showProfile(profile) {
  $("bot-name").textContent = profile.bot_name;
  typing.setCommands(profile.commands);
}

function begin(snapshot) {
  presence("bot");
  showProfile(snapshot.profile);
  document.body.classList.toggle("no-alerts", !snapshot.alerts);
  document.body.classList.toggle("no-exchange", !snapshot.market);
  chat.reset(snapshot.messages);
}

function showAction() {
  presence("typing…");
  typingTimer = setTimeout(() => presence("bot"), TYPING_SECONDS * 1000);
}

function showMarket(view) {
  if (!view) return;
  market.show(view);
  composer.showPrice(view.spots);
}

function showMessage(message) {
  if (message.from_bot) presence("bot");
  chat.upsert(message);
}

function connect() {
  const stream = new EventSource("/_phone/events");
  const on = (kind, handle) => stream.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  on("snapshot", begin);
  on("message", showMessage);
  on("deleted", chat.remove);
  on("press", chat.pressed);
  on("answer", chat.answered);
  on("action", showAction);
  on("profile", showProfile);
  on("market", showMarket);
  stream.onerror = () => {
    presence("connecting…");
    $("exchange-state").textContent = "not connected";
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
}

function showTab(name) {
  document.body.dataset.tab = name;
  for (const button of document.querySelectorAll(".tabs button")) {
    if (button.dataset.show === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (name === "chat") chat.toNewest();
}

function tick() {
  $("clock").textContent = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

chat.setUp(typing.showReplyKeyboard);
typing.setUp();
composer.setUp();
for (const button of document.querySelectorAll(".tabs button")) {
  button.addEventListener("click", () => showTab(button.dataset.show));
}
tick();
setInterval(tick, 10000);
connect();
