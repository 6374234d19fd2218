# SPDX-License-Identifier: MIT
#
# record_pytorch_lstm.py - writes pytorch_lstm.safetensors, a state dict as a user of PyTorch
# saves one, and pytorch_lstm_io.safetensors, what that model answers.
import torch

from writer import Record, seed

V, E, H = 11, 5, 6


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(E, H, num_layers=2)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(V, E)
        self.encoder = Encoder()
        self.fc = torch.nn.Linear(H, V)

    def forward(self, ids):
        y, (h, c) = self.encoder.rnn(self.embed(ids))
        return self.fc(y), h, c


if __name__ == "__main__":
    seed("pytorch_lstm")
    model = Model()
    weights = Record()
    for name, x in model.state_dict().items():
        weights.put(name, x)
    weights.save("pytorch_lstm.safetensors")

    ids = torch.randint(V, (9, 4))
    io = Record()
    io.put("x", ids)
    for name, x in zip(("y", "h_n", "c_n"), model(ids)):
        io.put(name, x)
    io.save("pytorch_lstm_io.safetensors")
