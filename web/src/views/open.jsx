// The state for everybody at home, where the owner wants that: nothing here changes anything, and nothing tells of a person.
import { Card } from "../parts.jsx";
import { t } from "../text.js";
import { Facts, State } from "./charge.jsx";
import { Languages } from "./login.jsx";

export function Open({ connectors, offline, login }) {
  const all = Object.entries(connectors);
  return (
    <main data-view="open">
      {offline && <p class="banner" role="alert">{t("offline")} {t("stale", offline)}</p>}
      {all.map(([id, connector]) => (
        <Card key={id} title={all.length === 1 ? null : t("connector", id)} id={`connector-${id}`}>
          <State connector={connector} />
          <Facts connector={connector} />
        </Card>
      ))}
      <div class="row"><button onClick={login}>{t("login")}</button></div>
      <Languages id="language-open" />
    </main>
  );
}
