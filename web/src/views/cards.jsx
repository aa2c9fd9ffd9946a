// The owner's list of cards: add one by holding it to the reader, name, block, remove.
import { useEffect } from "preact/hooks";
import { post } from "../api.js";
import { Card, Confirmed, Field } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { t } from "../text.js";

const LOOK_MS = 2000;

function Entry({ entry, busy, ask }) {
  const { card, name, blocked } = entry;
  const rename = (event) => {
    event.preventDefault();
    ask({ action: "change", card, name: new FormData(event.target).get("name") });
  };
  return (
    <li>
      <form class="row" onSubmit={rename}>
        <label class="hidden" for={`card-${card}`}>{t("cardName")}</label>
        <input key={name} id={`card-${card}`} name="name" maxLength={24} defaultValue={name} placeholder={t("cardName")} />
        <button class="plain" disabled={busy}>{t("save")}</button>
      </form>
      <span>{card}{blocked && <b class="error"> {t("cardBlocked")}</b>}</span>
      <div class="row">
        <button class="plain" disabled={busy} onClick={() => ask({ action: "change", card, blocked: !blocked })}>
          {t(blocked ? "cardUnblock" : "cardBlock")}
        </button>
        <Confirmed label={t("remove")} question={t("cardAsk", name || card)} disabled={busy}
          act={() => ask({ action: "remove", card })} />
      </div>
    </li>
  );
}

export function Cards() {
  const [list, error, reload] = useLoaded("/api/cards");
  const [act, busy] = useAction();
  const waits = Boolean(list) && list.learning_s > 0;
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setTimeout(reload, LOOK_MS);
    return () => clearTimeout(timer);
  }, [list]);
  const ask = (wish) => act(() => post("/api/cards", wish).then(reload), wish.action === "change" ? t("done.saved") : "");
  function learn(event) {
    event.preventDefault();
    ask({ action: "learn", name: new FormData(event.target).get("name") });
    event.target.reset();
  }
  if (!list && !error) return <p class="loading" role="status">{t("loading")}</p>;
  if (error || !list.reader) return null;
  return (
    <Card title={t("cardList")} id="card-list">
      <p>{t(list.backend ? "cardsBackEnd" : "cardsText")}</p>
      <ul class="list">{list.cards.map((entry) => <Entry key={entry.card} entry={entry} busy={busy} ask={ask} />)}</ul>
      {waits
        ? <div class="row">
            <p role="status">{t("cardHold", list.learning_s)}</p>
            <button class="plain" onClick={() => ask({ action: "cancel" })}>{t("cancel")}</button>
          </div>
        : <form onSubmit={learn}>
            <Field label={t("cardName")} name="card-new">
              <input id="card-new" name="name" maxLength={24} autocomplete="off" />
            </Field>
            <button disabled={busy}>{t("cardAdd")}</button>
          </form>}
    </Card>
  );
}
