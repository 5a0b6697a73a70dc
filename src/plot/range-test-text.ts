/** What the picture of a range test shows, and how it is read: a line for the picture and for the terminal. */
export const RANGE_TEST_TEXT =
  'loss of each step while the learning rate grows from step to step: good rates lie where it falls, below where it rises';
