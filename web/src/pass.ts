// What is not for everybody is played with a pass: a cookie for this one live or video, good for some seconds. This asks for the next one
// in time; without it the server would look up who asks at every few requests. A viewer who may not watch any more is told at once.

/** A pass is good for five seconds. */
const RENEW_MS = 3_000;

/** Whether an answer says that this is no longer for the viewer. */
function isRefusal(status: number): boolean {
  return status === 401 || status === 403 || status === 404;
}

/** Renews the pass at `url` for as long as the page lives; `refused` is called once, when it is refused. */
export function keepPass(url: string, refused: () => void): void {
  const timer = window.setInterval(() => {
    fetch(url, { cache: 'no-store', credentials: 'same-origin' }).then(
      (answer) => {
        if (!isRefusal(answer.status)) return;
        window.clearInterval(timer);
        refused();
      },
      // The network or the server is away: the player says so, and the next round tries again.
      () => undefined,
    );
  }, RENEW_MS);
}
