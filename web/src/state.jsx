// What all views share: the session, the live status, messages.
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, isOld, put } from "./api.js";
import { t, timeOfDay, translated } from "./text.js";

const SECOND = 1000;
const HIDDEN_MS = 10000; // between two requests of a page that nobody sees; the charger closes a connection after 15 s
const RETRY_MS = 3000;
const AWAY_MS = 15000; // whoever has not heard of the charger for so long may have missed an update

export const App = createContext(null);
export const useApp = () => useContext(App);

// The status, once a second while the page is seen. Returns [status, offline]: "", or the time of the status that is shown.
// `onOld` is told when the charger was away and came back with another page.
export function useLive(active, onExpired, onOld, path = "/api/status") {
  const [status, setStatus] = useState(null);
  const [offline, setOffline] = useState("");
  const last = useRef(Date.now());
  const away = useRef(false);
  const expired = useRef(onExpired);
  expired.current = onExpired;
  useEffect(() => {
    if (!active) return undefined;
    let timer = 0;
    let ended = false;
    async function ask() {
      let wait = document.hidden ? HIDDEN_MS : SECOND;
      try {
        const fresh = await get(path);
        if (ended) return;
        setStatus(fresh);
        setOffline("");
        const look = away.current || Date.now() - last.current > AWAY_MS;
        last.current = Date.now();
        away.current = false;
        if (look && await isOld()) onOld();
        if (ended) return;
      } catch (error) {
        if (ended) return;
        away.current = true;
        if (error.status === 401) {
          expired.current();
          return;
        }
        setOffline(timeOfDay(last.current));
        wait = RETRY_MS;
      }
      clearTimeout(timer);
      timer = setTimeout(ask, wait);
    }
    function seen() {
      if (!document.hidden) {
        clearTimeout(timer);
        timer = setTimeout(ask, 0);
      }
    }
    document.addEventListener("visibilitychange", seen);
    ask();
    return () => {
      ended = true;
      away.current = true; // any request may have been the one that saw the end of the session, as after a restart
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [active]);
  return [status, offline];
}

// Loads once, again when `version` changes, and until the charger answers; returns [value, error, reload].
export function useLoaded(path, version) {
  const [state, setState] = useState([null, ""]);
  const app = useApp();
  const timer = useRef(0);
  const logins = useRef(app.logins);
  const load = () => get(path).then((value) => setState([value, ""]), (error) => {
    if (error.status === 401) {
      app.expired();
      return;
    }
    setState([null, words(error)]);
    if (!error.status) timer.current = setTimeout(load, RETRY_MS);
  });
  useEffect(() => {
    load();
    return () => clearTimeout(timer.current);
  }, [path, version]);
  useEffect(() => {
    if (logins.current !== app.logins && !state[0]) load(); // the session had ended before the answer
    logins.current = app.logins;
  }, [app.logins]);
  return [...state, load];
}

export function words(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.waitS) return t("waitSeconds", error.waitS);
  return error.status ? translated(error.message) : t("noAnswer");
}

// do(action, done, refused): runs an action of the API, tells how it ended; refused(error) is true where it has told by itself.
// Returns [do, busy].
export function useAction() {
  const [busy, setBusy] = useState(false);
  const app = useApp();
  async function act(action, done, refused) {
    setBusy(true);
    try {
      const value = await action();
      if (done) app.tell(done);
      return value;
    } catch (error) {
      if (error.status === 401) app.expired();
      else if (!refused || !refused(error)) app.tell(words(error), true);
      return undefined;
    } finally {
      setBusy(false);
    }
  }
  return [act, busy];
}

// Saves settings. Returns [save, busy, fault]: by the name of the setting that was refused, why, for beside its field.
export function useSave(reload) {
  const [act, busy] = useAction();
  const [fault, setFault] = useState({});
  async function save(wish) {
    setFault({});
    const refused = (error) => {
      const [name, ...why] = error.message.split(": "); // the charger names the setting first
      if (!(name in wish)) return false;
      setFault({ [name]: translated(why.join(": ")) });
      return true;
    };
    const store = () => put("/api/settings", wish).then(reload); // busy until the values that hold now are shown
    await act(store, t("done.saved"), refused);
  }
  return [save, busy, fault];
}
