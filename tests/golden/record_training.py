# SPDX-License-Identifier: MIT
#
# record_training.py - writes training.safetensors: ten steps of small recurrent language
# models on a fixed sequence, the state carried over windows and detached; one run per optimizer.
import torch
import torch.nn.functional as F

from writer import Record, seed

V, T, B, STEPS = 20, 7, 3, 10
F64, F32 = torch.float64, torch.float32


class Model(torch.nn.Module):
    """embed -> two-layer LSTM or GRU -> fc."""

    def __init__(self, layer=torch.nn.LSTM):
        super().__init__()
        self.embed = torch.nn.Embedding(V, 8)
        self.rnn = layer(8, 16, 2, dropout=0.0)
        self.fc = torch.nn.Linear(16, V)

    def forward(self, ids, state):
        y, state = self.rnn(self.embed(ids), state)
        return self.fc(y), state


class Tied(torch.nn.Module):
    """Three LSTMs of 8 -> 12 -> 12 -> 8; the output weights are the embedding's."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(V, 8)
        sizes = (8, 12), (12, 12), (12, 8)
        self.rnns = torch.nn.ModuleList(torch.nn.LSTM(i, h) for i, h in sizes)
        self.bias = torch.nn.Parameter(torch.zeros(V))

    def forward(self, ids, state):
        y, states = self.embed(ids), []
        for i, rnn in enumerate(self.rnns):
            y, s = rnn(y, state[i] if state else None)
            states.append(s)
        return y @ self.embed.weight.T + self.bias, states


MODELS = {"lstm": Model, "gru": lambda: Model(torch.nn.GRU), "tied": Tied}

# run: (model, optimizer, options, most of the gradient's norm)
RUNS = {
    "adam": ("lstm", torch.optim.Adam, {"lr": 2e-3}, 0.2),
    "adam_fast": ("lstm", torch.optim.Adam, {"lr": 2e-2}, 1.0),
    "sgd": ("lstm", torch.optim.SGD, {"lr": 0.5, "momentum": 0.9, "nesterov": True}, 0.1),
    "adamw": ("lstm", torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.1}, 1.0),
    "rmsprop": ("lstm", torch.optim.RMSprop, {"lr": 2e-3, "momentum": 0.5, "centered": True}, 1.0),
    "gru_adam": ("gru", torch.optim.Adam, {"lr": 1e-2}, 1.0),
    "tied_sgd": ("tied", torch.optim.SGD, {"lr": 1.0, "weight_decay": 1e-3}, 0.25),
}


def draw_tokens():
    """A noisy periodic sequence, so that there is something to learn."""
    seed("tokens")
    t = torch.arange(STEPS * T + 1)[:, None]
    ids = (3 * t + (t * t) % 5 + 4 * torch.arange(B)) % V
    noise = torch.rand(ids.shape) < 0.15
    return torch.where(noise, torch.randint(V, ids.shape), ids)


def detached(state):
    return state.detach() if torch.is_tensor(state) else type(state)(map(detached, state))


def draw_model(name, dtype):
    """The same f32 numbers start runs of either dtype."""
    seed(name)
    return MODELS[name]().to(dtype)


def train(run, dtype, tokens):
    name, optimizer, options, most = RUNS[run]
    model = draw_model(name, dtype)
    optimizer = optimizer(model.parameters(), **options)
    state, losses, norms = None, [], []
    for step in range(STEPS):
        window = tokens[step * T:step * T + T + 1]
        y, state = model(window[:-1], state)
        state = detached(state)
        loss = F.cross_entropy(y.reshape(-1, V), window[1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), most).to(dtype))
        losses.append(loss.detach())
        optimizer.step()
    return model, torch.stack(losses), torch.stack(norms), state


if __name__ == "__main__":
    record = Record()
    tokens = draw_tokens()
    record.put("tokens", tokens)
    for name in MODELS:
        record.put_all(f"start_{name}", dict(draw_model(name, F32).named_parameters()))
    for run in RUNS:
        for suffix, dtype in (("", F64), ("_f32", F32)):
            model, losses, norms, state = train(run, dtype, tokens)
            record.put_all(run + suffix, {"losses": losses, "norms": norms})
            print(f"{run + suffix:14}", " ".join(f"{x:.4f}" for x in losses.tolist()))
            if dtype is F64:
                record.put_all(f"{run}.final", dict(model.named_parameters()))
            if run == "adam" and dtype is F64:
                record.put_all(f"{run}.final", dict(zip(("h", "c"), state)))
    record.save("training.safetensors")
