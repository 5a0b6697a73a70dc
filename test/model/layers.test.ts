import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { isTraining } from '../../src/graph/op.ts';
import { modelByName } from '../../src/model/zoo.ts';

const SIZE = 32;

describe.each(['notes', 'densenet-bc-10-4', 'resnet18-d2l', 'resnet18', 'resnet50'])(
  'the layers of %s',
  (name) => {
    const programs = {
      train: { batch: 4, mode: 'train' },
      evaluate: { batch: 2, mode: 'evaluate' },
    } as const;
    const { network } = compile(modelByName(name), [SIZE, SIZE], programs);
    const graphOf = (program: string) => network.programs.get(program)!.graph;
    const layersOf = (program: string) => [...new Set(graphOf(program).ops.map(({ layer }) => layer))];
    const modulesOf = (program: string) => layersOf(program).flatMap(({ module }) => module ?? []);

    test('are one object per module, with a unique path', () => {
      const modules = modulesOf('train');
      expect(new Set(modules).size).toBe(modules.length);
    });

    test('have the same modules in every program', () => {
      expect(modulesOf('evaluate')).toEqual(modulesOf('train'));
    });

    test('have the parameters with their paths', () => {
      const modules = new Set(modulesOf('train'));
      for (const tensor of network.state.keys()) {
        expect(modules, tensor).toContain(tensor.slice(0, tensor.lastIndexOf('.')));
      }
    });

    test('have ops in the phases forward, backward and update, or only forward', () => {
      const { records } = network.programs.get('train')!.plan;
      const phases = records.map(({ op }) => op.phase);
      expect(phases.filter((phase, at) => phase !== phases[at - 1])).toEqual([
        'forward',
        'backward',
        'update',
      ]);
      expect([isTraining(graphOf('train')), isTraining(graphOf('evaluate'))]).toEqual([true, false]);
    });
  },
);
