import { describe, expect, test } from 'vitest';
import { cardMetadata, cardText } from '../../src/io/model-card.ts';

describe('what a file says of the images that its network expects', () => {
  const card = { model: 'net', channels: 3, size: 64, classNames: ['cat', 'dog'] };

  test('is their size, colour and range', () => {
    const metadata = cardMetadata(card);
    expect(metadata.get('preprocessing')).toBe(
      'RGB pixels resized to 64×64 (bilinear, antialiased), divided by 255',
    );
    expect(metadata.has('normalization')).toBe(false);
    expect(JSON.parse(metadata.get('class_names')!)).toEqual(card.classNames);
    expect(cardText(card)).toContain('[N, 3, 64, 64], float32; RGB pixels');
  });

  test('is their normalisation too, where the run had one', () => {
    const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
    const metadata = cardMetadata({ ...card, normalization });
    expect(JSON.parse(metadata.get('normalization')!)).toEqual(normalization);
    const sentence = 'less the mean 0.5, 0.4, 0.3, divided by the standard deviation 0.2, 0.25, 0.3';
    expect(metadata.get('preprocessing')).toContain(sentence);
    expect(cardText({ ...card, normalization })).toContain(sentence);
  });
});
