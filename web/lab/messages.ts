import type { BlockMaps, Explanation, FormField, Neighbour, PlacedFile, Prediction } from 'densor/browser';
import type { Command, RunNews } from '../../src/live/protocol.ts';

/** Where the images of a run come from. */
export type DataSource =
  | { readonly kind: 'sample' }
  | { readonly kind: 'files'; readonly files: readonly PlacedFile[] };

/** What the page asks of the worker; each is answered once. */
export interface Requests {
  /** The settings, and the networks. */
  describe: {
    ask: Record<never, never>;
    answer: { readonly fields: readonly FormField[]; readonly models: readonly string[] };
  };
  /** Trains a new run. Answered when it has begun. */
  train: {
    ask: {
      readonly id: string;
      readonly name: string;
      readonly source: DataSource;
      readonly model: string;
      /** Texts of the form, by the names of the settings. */
      readonly settings: Readonly<Record<string, string>>;
    };
    answer: Record<never, never>;
  };
  /** Goes on with a run that is stored. */
  resume: { ask: { readonly id: string }; answer: Record<never, never> };
  /** Gives the worker the network of a run that is stored elsewhere: a checkpoint. */
  open: { ask: { readonly id: string; readonly bytes: Uint8Array }; answer: Record<never, never> };
  predict: {
    ask: { readonly id: string; readonly image: Blob | ImageData };
    answer: { readonly predictions: readonly Prediction[] };
  };
  /** The same, and why; the worker keeps the feature maps, for `maps`. */
  explain: { ask: { readonly id: string; readonly image: Blob }; answer: Explained };
  /** Channels of a block, of the image that was explained last. */
  maps: {
    ask: { readonly block: number; readonly first: number; readonly count: number };
    answer: readonly GreyMap[];
  };
  /** The training images that are most similar to an image. Progress is told meanwhile. */
  nearest: {
    ask: { readonly id: string; readonly image: Blob };
    answer: { readonly neighbours: readonly Neighbour[] };
  };
  export: {
    ask: { readonly id: string; readonly what: 'weights' | 'onnx' | 'zip' };
    answer: { readonly bytes: Uint8Array<ArrayBuffer>; readonly name: string };
  };
}

export interface Explained
  extends Pick<Explanation, 'predictions' | 'logits' | 'bias' | 'classMaps' | 'image'> {
  readonly classNames: readonly string[];
  readonly blocks: readonly Omit<BlockMaps, 'data'>[];
}

/** A channel of a feature map as a picture: black is its lowest number, white its highest. */
export interface GreyMap {
  readonly channel: number;
  readonly width: number;
  readonly height: number;
  /** [height, width]. */
  readonly pixels: Uint8Array;
  readonly least: number;
  readonly mean: number;
  readonly greatest: number;
}

export type RequestKind = keyof Requests;

export type ToWorker = {
  [Kind in RequestKind]: {
    readonly kind: Kind;
    readonly request: number;
    readonly ask: Requests[Kind]['ask'];
  };
}[RequestKind];

export type FromWorker =
  | { readonly kind: 'answer'; readonly request: number; readonly answer: unknown }
  | { readonly kind: 'progress'; readonly request: number; readonly done: number; readonly total: number }
  | {
      readonly kind: 'failed';
      readonly request: number;
      readonly message: string;
      readonly setting?: string;
    };

/** The channel on which all tabs hear of the runs of this browser. */
export const CHANNEL = 'densor-runs';
export type ChannelMessage =
  | { readonly kind: 'news'; readonly run: string; readonly seq: number; readonly news: RunNews }
  /** A tab asks whoever trains a run to tell all of it. */
  | { readonly kind: 'tell'; readonly run: string }
  /** A tab asks whoever trains a run to stop or to pause. */
  | { readonly kind: 'command'; readonly run: string; readonly command: Command }
  /** The whole log so far, in answer; `seq` is its length. */
  | { readonly kind: 'log'; readonly run: string; readonly seq: number; readonly log: Uint8Array }
  /** Runs were added or removed. */
  | { readonly kind: 'changed' };

/** The Web Lock of whoever trains a run. */
export const lockOf = (id: string) => `densor-run-${id}`;
