/** A setting as the form of the Lab has it, in English. */
export interface SettingField {
  readonly name: string;
  readonly help: string;
  readonly default: string;
}

/** All texts of the page. Another language has the same keys, with the same parameters. */
export const en = {
  languageName: 'English',
  skip: 'Skip to content',
  navRuns: 'Runs',
  navTrain: 'Train',
  navCompare: 'Compare',
  navPrivacy: 'Privacy',
  theme: 'Dark or light',
  language: '中文',
  help: 'Keys',
  close: 'Close',
  notIsolated: 'This page has one thread until it is loaded again: training takes longer.',
  serverLost: 'The server does not answer. Is `densor ui` still running? Trying again.',
  wrongToken: 'Open the page with the whole address that densor ui printed: it ends in a token.',

  preparing: 'preparing',
  running: 'running',
  evaluating: 'evaluating',
  paused: 'paused',
  stopped: 'stopped',
  failed: 'failed',
  done: 'done',
  lost: 'lost',

  runsTitle: 'Runs',
  runsEmpty: 'There are no runs yet.',
  runsEmptyHow: 'Train in this page, or on the command line:',
  runsFilter: 'Filter by name',
  runsMatching: (shown: number, all: number) => `${shown} of ${all} runs`,
  runsSelect: (name: string) => `Select ${name} to compare`,
  runsCompare: (count: number) => `Compare ${count} runs`,
  columnRun: 'Run',
  columnPhase: 'State',
  columnEpoch: 'Epoch',
  columnLoss: 'Loss',
  columnAccuracy: 'Accuracy',
  columnBest: 'Best',
  columnLeft: 'Left',
  columnMemory: 'Memory',
  inThisBrowser: 'this browser',
  trainSample: 'Train on the sample',
  loading: 'Loading…',
  notFound: 'There is no such run. It may have been deleted.',

  openLog: 'Open a log',
  openLogHow: 'Or drop a log.jsonl, or the folder of a run, anywhere on this page.',
  fromFile: 'from a file',
  manyLogs: (found: number, shown: number) =>
    `there are ${found} runs in it, the first ${shown} are shown: drop the folders of the others`,
  noLog: (name: string) => `${name}: there is no log.jsonl in it`,
  logWithoutEvents: 'no line of it is an event of a run; expected the log.jsonl of a run',
  logSkipped: (count: number) =>
    count === 1
      ? 'One line of the log is damaged and was left out.'
      : `${count} lines of the log are damaged and were left out.`,
  logCut: (size: string) =>
    `Only the first ${size} of the log are shown: open its folder with densor ui to see the rest.`,
  lostInFile: 'The log ends here: the run was not finished when the file was written.',

  epochOf: (epoch: string, epochs: number) => `epoch ${epoch} of ${epochs}`,
  doneAt: (time: string, spread: string) => `done ${time} ± ${spread}`,
  trainLoss: 'training loss',
  trainAccuracy: 'training accuracy',
  testAccuracy: 'test accuracy',
  validationAccuracy: 'validation accuracy',
  planned: 'planned',
  inUse: 'in use',
  pause: 'Pause',
  goOn: 'Go on',
  stop: 'Stop and save',
  resumeHere: 'Go on with this run',
  lostHelp: 'Its process is gone. Go on from the last checkpoint with:',
  lostHere: 'The tab was closed while this run was training. Go on from the last checkpoint.',
  failedHelp: 'Try a smaller learning rate; the last good checkpoint is kept.',
  gpuLost:
    'The GPU was lost: its driver was reset, or the machine slept. Go on from the last checkpoint: the result will be the same.',
  gpuGone: 'There is no GPU any more: the processor goes on, more slowly.',
  openLab: 'Try it, take it home',

  tabCurves: 'Curves',
  tabConfusions: 'Confusions',
  tabMemory: 'Memory',
  tabTime: 'Time',
  tabLayers: 'Layers',
  tabData: 'Data',
  tabLog: 'Log',

  chartLoss: 'Loss',
  chartAccuracy: 'Accuracy',
  chartRate: 'Learning rate',
  batchLoss: 'loss of a batch',
  learningRate: 'learning rate',
  logAxis: 'Logarithmic',
  smooth: 'Smooth',
  reset: 'Whole run',
  saveCsv: 'Save as CSV',
  savePicture: 'Save picture',
  asTable: 'As a table',
  axisEpoch: 'epoch',
  axisStep: 'step',
  chartSummary: (name: string, first: string, last: string, least: string, most: string) =>
    `${name}: from ${first} to ${last}; lowest ${least}, highest ${most}`,
  chartKeys: 'Arrow keys read the points; drag to zoom, double-click for the whole run.',
  chartEmpty: 'Nothing to show yet: points come with the first steps.',

  confusionsEmpty: 'Confusions are known after the first epoch.',
  confusionsOf: (of: 'test' | 'validation', epoch: number) =>
    `${of === 'test' ? 'Test' : 'Validation'} images after epoch ${epoch}`,
  epoch: 'Epoch',
  trueClass: 'true class',
  predictedClass: 'predicted',
  confusionCell: (count: number, truth: string, predicted: string) =>
    `${count} of class ${truth} taken for ${predicted}`,
  mistakes: 'Most confident mistakes',
  mistake: (truth: string, predicted: string, sure: string) => `${truth}, taken for ${predicted} (${sure})`,
  noMistakes: 'No mistakes of this kind among the pictures that were kept.',
  showAll: 'Show all',
  recall: 'found',
  precision: 'right',

  memoryEmpty: 'This run does not tell of its memory plan: it was trained by an older version.',
  memorySummary: (planned: string, arena: string, state: string, scratch: string) =>
    `planned ${planned}: arena ${arena}, state ${state}, scratch ${scratch}`,
  memoryAt: (record: number, part: string, phase: string, bytes: string) =>
    `kernel call ${record}, ${part}, ${phase}: ${bytes} in use`,
  memoryKeys: 'Arrow keys move the cursor through the kernel calls of a step.',
  memoryPicture: 'Buffers of the arena: across, the kernel calls of a step; upwards, bytes.',
  planRole: (role: string) => role,
  planPart: (part: string) => part,
  planReason: (reason: string) => reason,
  forward: 'forward',
  backward: 'backward',
  update: 'update',
  buffer: 'buffer',
  bytes: 'bytes',
  atCursor: 'In use at the cursor',

  timeTitle: 'Time of a step',
  timeEmpty: 'Times are known after the first steps.',
  timeSteps: 'training steps',
  timeRest: 'evaluation and saving',
  timePerSecond: (rate: string) => `${rate} images a second`,
  timeProfile: 'Against the peaks of the machine (a roofline), all kernel calls of a step are measured by:',
  opsTitle: 'Where the time of a step goes',
  opsStep: (step: number, ms: string, share: string) =>
    `Measured in step ${step}: ${ms} ms, ${share} of it in kernels. GFLOP/s and GB/s count the minimum work of each kernel.`,
  opsByKind: 'Kind of kernel',
  opsByPart: 'Part of the network',
  opsCalls: 'calls',
  opsTime: 'time',
  opsShare: 'share',
  opsIntensity: 'FLOP per byte',
  opsEmpty:
    'A run measures its tenth step, once, and shows here where its time goes. This one has not reached that step, or an older version trained it: continue it, here or with `--resume`.',

  layersTitle: 'Size of the weights',
  layersEmpty: 'The sizes of weights are known after the first epoch.',
  layerName: 'parameter',
  layerRms: 'typical size',
  layerLargest: 'largest',
  layerChange: 'since the first epoch',

  dataClasses: 'Images of each class',
  dataSkipped: (count: number) => `${count} files were left out`,
  dataHidden: 'The numbers of images of each class are told for folders of images.',
  dataTrain: 'training',
  dataValidation: 'validation',
  dataTest: 'test',
  config: 'Settings of the run',

  logFilter: 'Filter the log',
  logEmpty: 'The log is empty.',
  logShown: (shown: number, all: number) => `${shown} of ${all} lines`,

  compareTitle: 'Compare',
  compareEmpty: 'Select two runs or more in the list of runs.',
  compareDifference: 'Settings that differ',
  compareSame: 'All settings are the same.',
  compareEnd: 'Results',
  compareBand:
    'Runs that differ in their seed alone are one curve, with a band from the lowest to the highest.',
  comparePaired: 'Pairs of the same seed',
  comparePairedText: (a: string, b: string, mean: string, count: number) =>
    `${a} against ${b}: ${mean} on average, of ${count} pairs`,
  setting: 'Setting',
  metric: 'Measure',

  labTitle: 'Train in this page',
  labIntro: 'Nothing leaves this machine: images, network and numbers stay in this browser.',
  stepImages: 'Images',
  stepNetwork: 'Network',
  stepTrain: 'Train',
  stepTry: 'Try',
  stepHome: 'Take home',
  sampleButton: 'Built-in sample',
  sampleText: '1,000 pictures of clothes in ten classes',
  filesButton: 'Pictures',
  folderButton: 'Folder',
  zipButton: 'Zip',
  cameraButton: 'Camera',
  filesHow:
    'A folder with a folder of pictures for each class, a zip of it, or pictures for one class at a time. Drop them here.',
  className: 'Name of the class',
  addClass: 'Add class',
  removeClass: (name: string) => `Remove ${name}`,
  addPictures: (name: string) => `Add pictures to ${name}`,
  takePicture: (name: string) => `Take pictures of ${name}`,
  pictures: (count: number) => `${count} ${count === 1 ? 'picture' : 'pictures'}`,
  cameraRefused: 'The camera was refused, or there is none: pictures from files work as well.',
  cameraStop: 'Camera off',
  needTwoClasses: 'Two classes with two pictures each are needed at least.',
  unbalanced: (least: string, few: number, most: string, many: number) =>
    `${most} has ${many} pictures, ${least} only ${few}: a network that always says ${most} would seem good. Add pictures of ${least}.`,
  badFile: (name: string, reason: string) => `${name}: ${reason}`,
  zipTooLarge: 'the zip would unpack to more than 1 GiB',
  zipTooMany: 'the zip has more than 50,000 files',
  zipBroken: 'this is no zip that can be read',
  noClasses: 'no folders of pictures were found in it',
  chosenSample: 'The built-in sample is chosen.',
  network: 'Network',
  recipe: 'Recipe',
  settings: 'All settings',
  settingsHow: 'Empty fields have the value that is shown, chosen by the images where it says so.',
  settingName: ({ name }: SettingField) => name,
  settingHelp: ({ help }: SettingField) => help,
  settingDefault: (field: SettingField) => field.default,
  runName: 'Name of the run',
  train: 'Train',
  starting: 'Reading the images and planning the network…',
  busy: 'A run is being trained: stop it first.',
  tryHow: 'Choose a picture or use the camera.',
  tryPicture: 'Choose a picture',
  tryEmpty: 'After the first epoch the network can be tried.',
  tryWith: (name: string) => `The network of ${name}, as it was best`,
  noCheckpoint: 'The server has no checkpoint of this run.',
  tryNoWeights:
    'A log alone has no weights that could be tried: open the folder of the run with `densor ui`.',
  tryExplain: 'Explain this picture',
  whyTitle: 'Where the answer comes from',
  whyHow:
    'Orange speaks for the class, blue against it. The map is exact: the network ends in a mean over the picture and one linear layer, so the mean of the map plus a bias is the logit.',
  whyClass: 'Class',
  whyPicture: (name: string) => `The picture under the class activation map of ${name}`,
  whyAgainst: 'against',
  whyFor: 'for',
  whySum: (logit: string, mean: string, bias: string) =>
    `logit ${logit} = mean of the map ${mean} + bias ${bias}`,
  whyMost: (row: number, rows: number, column: number, columns: number, value: string) =>
    `Highest in row ${row} of ${rows}, column ${column} of ${columns}: ${value}`,
  nearTitle: 'Most similar training images',
  nearHow:
    'By the cosine similarity of their features (what the last layer reads), among at most 2,000 training images.',
  nearFind: 'Find them',
  nearImage: (name: string, similarity: string) => `${name}, similarity ${similarity}`,
  nearElsewhere:
    'The server reads logs and checkpoints, not training images: similar images are found for runs on the sample and for runs of this browser.',
  mapsTitle: 'Feature maps',
  mapsBlock: 'Block',
  mapsPart: 'Layer',
  mapsAll: (channels: number) => `output (${channels} channels)`,
  mapsInput: (channels: number) => `input of the block (${channels} channels)`,
  mapsLayer: (layer: number, channels: number) => `layer ${layer} (${channels} channels)`,
  mapsShown: (first: number, last: number, channels: number, size: string) =>
    `Channels ${first} to ${last} of ${channels}, ${size}: black is the lowest number of a channel, white the highest.`,
  mapsChannel: 'channel',
  mapsOne: (channel: number, least: string, greatest: string) =>
    `channel ${channel}, from ${least} to ${greatest}`,
  previous: 'Previous',
  next: 'Next',
  lowest: 'lowest',
  mean: 'mean',
  highest: 'highest',
  downloadWeights: 'Weights (safetensors)',
  downloadOnnx: 'ONNX',
  downloadZip: 'Run (zip)',
  homeHow:
    'Weights for PyTorch and Densor, a model for any ONNX runtime, or the whole run, with which the command line goes on:',
  homeEmpty: 'Train a run first, or choose one in the list of runs.',

  privacyTitle: 'What this browser keeps',
  privacyText:
    'Runs and their images are in files of this browser, for this page alone. No other machine is asked for anything, and the rules of the page (its content security policy) allow none.',
  privacyUsed: (used: string, quota: string) => `${used} in use, of ${quota} that the browser allows`,
  deleteRun: 'Delete',
  deleteAll: 'Delete all runs',
  deleteSure: (name: string) => `Delete ${name}? It cannot be undone.`,
  storageFull:
    'The browser has no room for another checkpoint: training is stopped, and the last checkpoint is kept. Delete runs that are no longer needed.',
  recomputes:
    'Memory is short: some results are computed a second time in the backward pass. Steps take longer, with the same bits.',
  memoryShort: (size: string) =>
    `The browser has too little memory for this (${size}): choose a smaller batch or size, or a microBatch.`,
  noKernels:
    'The kernels of this page are missing on its server, or are older than the page: run npm run build, and serve dist/web as a whole.',
  newerRun: 'A newer version of this page stored this run: reload the page, and go on with the newest.',
  nothingSaved: 'Nothing is stored of this run that it could go on from: train again.',
  dataGone: 'The browser has deleted the images of this run to make room: train again with the same images.',

  keysTitle: 'Keys',
  keyHelp: 'these keys',
  keyFilter: 'filter',
  keyMove: 'next and previous run',
  keySelect: 'select a run',
  keyOpen: 'open a run',
  keyLog: 'logarithmic axis',
  keySmooth: 'smooth curves',
  keyReset: 'the whole run',
  keyPause: 'pause, go on',
};

/** The texts of a language. */
export type Catalogue = {
  readonly [Key in keyof typeof en]: (typeof en)[Key] extends (...parameters: infer Parameters) => string
    ? (...parameters: Parameters) => string
    : string;
};
