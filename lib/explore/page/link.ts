import { type ExploreChoices, flagsOfChoices, replayOfChoices } from "../explore-choices.js";
import type { ExplorePage } from "../explore-page.js";

/** What a page shows: a trace, a model, the reader's choices, a session. */
export interface PageState {
  readonly trace: number;
  readonly latency: string;
  readonly choices: ExploreChoices;
  readonly session: number;
}

/** A state as the part of an address behind "#": nothing in it that the page has by itself. */
export function hashOfState({ trace, latency, choices, session }: PageState, page: ExplorePage): string {
  const all = new URLSearchParams({
    ...(trace > 0 && { trace: String(trace) }),
    ...(latency !== page.models[0].name && { latency }),
    ...choices,
    ...(session > 0 && { session: String(session) }),
  });
  return all.toString();
}

/**
 * The state of an address.
 * @throws InputError for a choice that there is not, or a value that does not fit
 */
export function stateOfHash(hash: string, page: ExplorePage): PageState {
  const { trace, latency, session, ...choices } = Object.fromEntries(
    new URLSearchParams(hash.replace(/^#/, "")),
  );
  const place = (text: string | undefined, most: number) => {
    const number = Number(text ?? 0);
    return Number.isInteger(number) && number >= 0 && number < most ? number : 0;
  };
  replayOfChoices(choices);
  return {
    trace: place(trace, page.traces.length),
    latency: page.models.some(({ name }) => name === latency) ? (latency as string) : page.models[0].name,
    choices,
    session: place(session, 1 << 30),
  };
}

/** The command that computes the same numbers. */
export function commandOfState({ trace, latency, choices }: PageState, page: ExplorePage): string {
  const model = page.models.find(({ name }) => name === latency) ?? page.models[0];
  const words = [shellWord(page.traces[trace].typed), model.typed, ...flagsOfChoices(choices)];
  return `npx prefixlab replay ${words.join(" ")}`;
}

function shellWord(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
