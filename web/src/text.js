// The texts of the chosen language: the build makes one file of each language of text.json, and numbers of most keys in t().

export const LANGUAGES = { en: "English", de: "Deutsch", nl: "Nederlands", fr: "Français" };
const KEPT = "language";
let texts = [];
let said = [];

export function chosen() {
  const kept = localStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in LANGUAGES) || "en";
}

export async function load(language) {
  const answer = await fetch(LANGUAGE_FILES[language]);
  texts = (await answer.text()).split("\n"); // in the order of the names that the build puts into this file
  said = texts.splice(TEXTS).map((sentence, at) => [SENTENCES[at], sentence])
    .sort(([one], [other]) => other.length - one.length); // the longest first: others are parts of it
  TEXT_KEYS.forEach((key, at) => { texts[key] = texts[at]; });
  document.documentElement.lang = language;
  document.title = t("title");
}

export function choose(language) {
  localStorage.setItem(KEPT, language);
  return load(language);
}

export function t(key, ...values) {
  let text = texts[key] || key;
  for (const value of values) text = text.replace("%", value);
  return text;
}

// A sentence of the charger in the chosen language; sentences that the table does not have stay as they are. What pauses
// the charging limits it to 0 A, which says nothing more.
export function translated(sentence) {
  let text = sentence;
  for (const [english, own] of said) text = text.replace(english, own);
  return text.replace(": 0.0 A", "").replace(/\d+\.\d(?= A)/, (amps) => number(Number(amps), 1));
}

// How dates and numbers are written: as the browser's person does where that is the page's language.
export const locale = () => {
  const language = document.documentElement.lang;
  return navigator.languages.find((name) => name.startsWith(language)) || language;
};

export const number = (value, digits = 0) =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const kwh = (wh) => `${number(wh / 1000, 2)} kWh`;

export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const moment = (value) => (value === null ? t("unknown") : new Date(
  typeof value === "number" ? value * 1000 : value,
).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" }));

export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(locale(), { dateStyle: "medium" });

export function monthName(month, style) {
  const [year, number_] = month.split("-");
  return new Date(Number(year), Number(number_) - 1, 1).toLocaleDateString(locale(), style);
}

export const timeOfDay = (value) => new Date(value).toLocaleTimeString(locale(), { timeStyle: "medium" });

const PRICE = "price";
export const price = () => Number(localStorage.getItem(PRICE)) || 0;
export const setPrice = (value) => localStorage.setItem(PRICE, value);
export const cost = (wh) => number((wh / 1000) * price(), 2);
