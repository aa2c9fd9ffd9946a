"""First paint of the page on an ESP32: board time of the charger, at its pace, and processor time of the browser.

The charger's clock runs at a tenth meanwhile, so that it counts what the charger computes and hardly what it waits for; the
browser counts what its own thread computes. Both depend little on what else this machine does: a pause of 2 s counts as 0.2 s.
"""

import pytest

MOST_MS = 1500
PHONE = 4  # times as long as here: what Lighthouse takes for a phone's processor
VISITS = 3  # at the most: the first one may meet what else the machine does
QUIET_S = 16  # the charger has closed each connection by then
PAINT = """new Promise(seen => new PerformanceObserver((list) => {
    if (list.getEntriesByName('first-contentful-paint').length) seen();
}).observe({ type: 'paint', buffered: true }))"""


@pytest.fixture(scope="module")
def charger_options():
    """An ESP32 without a back end."""
    return {"options": ["--pace", "esp32"], "word": 32, "time_scale": 20}


def test_the_first_paint_of_a_second_visit_takes_less_than_a_second_and_a_half(visit, charger):
    """A warm cache and no connection: a TLS handshake, then the page is asked for; its files come from the browser's cache."""
    visitor = visit()
    page = visitor.page
    visitor.open()
    figures = visitor.context.new_cdp_session(page)
    figures.send("Performance.enable", {"timeDomain": "threadTicks"})

    def uptime_ms():
        return charger.status()["uptime_ms"]

    def browser_ms():
        metrics = {one["name"]: one["value"] for one in figures.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"] * 1000

    def visit_again():
        """(board time until the page's answer is there, processor time of the browser until its first paint), ms."""
        page.goto("about:blank")
        charger.set_time_scale(20)
        charger.let_pass(QUIET_S)
        charger.set_time_scale(0.1)
        board, browser = -uptime_ms(), -browser_ms()
        page.goto(charger.url, wait_until="commit")
        board += uptime_ms()
        page.evaluate(PAINT)
        return board, browser + browser_ms()

    for _ in range(VISITS):
        board, browser = visit_again()
        print(f"first paint: {board:.0f} ms of the board, {browser:.0f} ms of the browser here")
        assert board > 500, "the handshake is part of it"
        if board + PHONE * browser < MOST_MS:
            break
    else:
        raise AssertionError(f"{board:.0f} ms of the board, {PHONE} times {browser:.0f} ms of the browser")
