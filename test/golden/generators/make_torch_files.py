#!/usr/bin/env python3
"""Writes data/torch/*.pth: small torch.save files in all formats that are used in practice.

Needs Debian's python3-torch; run: python3 make_torch_files.py [OUT_DIR]
expected.safetensors holds the same numbers, contiguous and as float32: `<file>/<tensor>`.
"""
import collections, copy, io, sys, zipfile
from pathlib import Path
import numpy as np, torch
from safetensors_file import DATA, save

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else DATA / 'torch')
OUT.mkdir(parents=True, exist_ok=True)
expected = {}

def write(name, saved, tensors, **how):
    torch.save(saved, OUT / f'{name}.pth', **how)
    for key, value in tensors.items(): expected[f'{name}/{key}'] = value

def save_expected():
    save(OUT / 'expected.safetensors', {key: value.detach().to(torch.float32) for key, value in expected.items()})

torch.manual_seed(6)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(12, 2))
state = net.state_dict()  # with num_batches_tracked (int64) and _metadata
write('zip', state, state)
write('legacy', state, state, _use_new_zipfile_serialization=False)
for protocol in (3, 4): write(f'protocol{protocol}', state, state, pickle_protocol=protocol)

everything = {
    'float64': torch.randn(3, dtype=torch.float64) * 1e3, 'int64': torch.tensor([-1, 0, 2 ** 40]),
    'int32': torch.tensor([[-7, 9]], dtype=torch.int32), 'uint8': torch.tensor([0, 255], dtype=torch.uint8), 'bool': torch.tensor([True, False, True]),
    'float16': torch.tensor([1.5, -65504, 6e-8, 2 ** -14, float('inf'), 0.1]).half(), 'bfloat16': torch.tensor([1.5, -3e38, 1e-40, 0.1, float('-inf')]).bfloat16(),
    'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 4)}
write('dtypes', everything, everything)
write('dtypes_legacy', everything, everything, _use_new_zipfile_serialization=False)

base = torch.arange(120, dtype=torch.float32)
views = {'transposed': base[:24].reshape(4, 6).t(), 'strided': base[1:100:7], 'inner': base.reshape(5, 4, 6)[1:4, 1:3, 2:5], 'channels_last': base.reshape(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
         'whole': base, 'again': base, 'one': base.reshape(1, 120, 1)[:, 5:6].transpose(0, 2)}
write('views', views, views)
write('views_legacy', views, views, _use_new_zipfile_serialization=False)

parallel = collections.OrderedDict((f'module.{key}', value) for key, value in state.items())
checkpoint = {'epoch': 7, 'arch': 'small', 'best': 0.75, 'done': False, 'none': None, 'raw': b'\x00\xffbytes', 'big': 2 ** 80, 'list': [1, (2, 3)], 'size': torch.Size([1, 2]),
              'state_dict': parallel, 'optimizer': torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9).state_dict()}
write('checkpoint', checkpoint, parallel)
write('parameters', {key: value for key, value in net.named_parameters()}, dict(net.named_parameters()))
torch.save(net, OUT / 'module.pth')
torch.save({'args': __import__('argparse').Namespace(lr=0.1), 'state_dict': state}, OUT / 'namespace.pth')
torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2))), OUT / 'torchscript.pt')

# Objects that training scripts and frameworks store in addition to weights: they may be skipped, and must not be executed.
import argparse, enum, pathlib
class Stage(enum.Enum): FIT = 1
class Attributes(dict):
    def __init__(self, **items): super().__init__(items); self.__dict__ = self
class Registry(collections.OrderedDict): pass
class ModelCheckpoint:
    def __init__(self): self.best, self.scores, self.self = np.float32(0.5), {torch.tensor(1.0)}, self
class SlotsOnly:
    __slots__ = ('a',)
    def __init__(self): self.a = 3
    def __getnewargs_ex__(self): return (), {}
    def __new__(cls): return super().__new__(cls)
def tagged(value):
    made = torch.nn.Parameter(value.clone()); made.tag = 'attribute of a parameter'; return made
beside = {'counter': collections.Counter('abca'), 'scalar': np.float64(0.8125), 'array': np.arange(6.).reshape(2, 3), 'objects': np.array([None, 'x'], dtype=object),
          'args': argparse.Namespace(lr=0.1, out=pathlib.Path('/data')), 'set': {'cat', 'dog'}, 'frozen': frozenset([1]), 'device': torch.device('cpu'), 'dtype': torch.float16,
          'log': collections.defaultdict(list, a=[1.5]), 'registry': Registry(a=1), 'attributes': Attributes(a=1), 'stage': Stage.FIT, 'slots': SlotsOnly(), 'range': range(3),
          'callbacks': {ModelCheckpoint: {'state': ModelCheckpoint()}, 'EarlyStopping': {'wait': np.int64(2)}, (1, 2): 'pair'}, 'complex': torch.zeros(2, dtype=torch.complex64),
          'bytearray': bytearray(b'ab'), 'short': torch.tensor([-3], dtype=torch.int16)}
own = copy.deepcopy(net)
adam = torch.optim.Adam(own.parameters(), lr=0.01)
own(torch.randn(2, 2, 4, 4)).sum().backward(); adam.step()
trained = own.state_dict()
averages = collections.OrderedDict((f'module.{key}', value / 2) for key, value in trained.items())
whole = dict(beside, optimizer_states=[adam.state_dict()], state_dict=trained, ema={'module': averages, 'updates': np.int64(9)})
write('objects', whole, trained)
for protocol in (3, 4, 5): write(f'objects_{protocol}', whole, trained, pickle_protocol=protocol)
legacy = {key: value for key, value in whole.items() if key != 'complex'}  # The size of its numbers is not known there.
for protocol in (2, 3, 4, 5): write(f'objects_legacy_{protocol}', legacy, trained, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
parameters = {key: tagged(value) for key, value in own.named_parameters()}
write('tagged', parameters, parameters)
class Net(torch.nn.Module):
    def __init__(self): super().__init__(); self.weight = torch.nn.Parameter(torch.ones(2))
torch.save(Net(), OUT / 'module_legacy.pth', _use_new_zipfile_serialization=False)
torch.save({'epoch': 3, 'best': torch.tensor(0.5), 'model': net}, OUT / 'module_inside.pth')
torch.save(Registry(trained), OUT / 'registry.pth')
torch.save({'state_dict': Registry(trained)}, OUT / 'registry_inside.pth')

# With compressed members, as written by other zip programs.
with zipfile.ZipFile(OUT / 'zip.pth') as old, zipfile.ZipFile(OUT / 'deflated.pth', 'w', zipfile.ZIP_DEFLATED) as new:
    for name in old.namelist(): new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
for key, value in state.items(): expected[f'deflated/{key}'] = value
save_expected()
