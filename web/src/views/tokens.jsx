// The owner's tokens: what lets another program read or command without a PIN. A new one is shown once.
import { useState } from "preact/hooks";
import { post } from "../api.js";
import { Card, Confirmed, Field } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { t } from "../text.js";

const RIGHTS = ["status", "charge", "history", "schedule", "update"];

function Entry({ token, busy, revoke }) {
  return (
    <li>
      <b>{token.name}</b>
      <span>{[token.home_assistant && "Home Assistant", ...token.rights.map((right) => t(`right.${right}`))].filter(Boolean).join(", ")}</span>
      <Confirmed label={t("remove")} question={t("tokenAsk", token.name)} disabled={busy} act={revoke} />
    </li>
  );
}

function Make({ busy, make }) {
  const [chosen, setChosen] = useState(["status"]);
  const toggle = (right) => setChosen(chosen.includes(right) ? chosen.filter((one) => one !== right) : [...chosen, right]);
  function submit(event) {
    event.preventDefault();
    const { target } = event;
    const assistant = target.elements.assistant.checked;
    make({ name: target.elements.name.value, rights: chosen, home_assistant: assistant }, () => target.reset());
  }
  return (
    <form onSubmit={submit}>
      <Field label={t("tokenName")} name="token-name">
        <input id="token-name" name="name" required maxLength={24} autocomplete="off" />
      </Field>
      <fieldset>
        <legend>{t("tokenMay")}</legend>
        {RIGHTS.map((right) => (
          <Field key={right} inline label={t(`right.${right}`)} name={`right-${right}`}>
            <input id={`right-${right}`} type="checkbox" checked={chosen.includes(right)} onChange={() => toggle(right)} />
          </Field>
        ))}
      </fieldset>
      <Field inline label={t("tokenAssistant")} hint={t("tokenAssistantHint")} name="assistant">
        {(about) => <input id="assistant" name="assistant" type="checkbox" {...about} />}
      </Field>
      <button disabled={busy || !chosen.length}>{t("tokenNew")}</button>
    </form>
  );
}

export function Tokens() {
  const [list, error, reload] = useLoaded("/api/tokens");
  const [act, busy] = useAction();
  const [fresh, setFresh] = useState("");
  if (error) return null;
  if (!list) return <p class="loading" role="status">{t("loading")}</p>;
  async function ask(wish, done) {
    const answer = await act(() => post("/api/tokens", wish), t("done.saved"));
    if (!answer) return;
    setFresh(answer.token || "");
    if (done) done();
    await act(reload); // the buttons rest until the list is the new one
  }
  return (
    <Card title={t("tokens")} id="token-list">
      <p>{t("tokensText")}</p>
      <ul class="list">
        {list.tokens.map((token) => (
          <Entry key={token.name} token={token} busy={busy} revoke={() => ask({ action: "remove", name: token.name })} />
        ))}
      </ul>
      {fresh && <p role="status">{t("tokenOnce")} <code>{fresh}</code></p>}
      <Make busy={busy} make={(wish, done) => ask({ action: "make", ...wish }, done)} />
    </Card>
  );
}
