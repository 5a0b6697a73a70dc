/** Explanation of a range test, for the plot and for the terminal. */
export const RANGE_TEST_TEXT =
  'loss of each step while the learning rate grows from step to step: good rates lie where it falls, below where it rises';
