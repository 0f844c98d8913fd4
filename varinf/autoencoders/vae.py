"""Variational autoencoders: Theorem 2 of the page, trained and evaluated."""

from dataclasses import replace

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf.autoencoders.coder import Coder
from varinf.autoencoders.decomposition import decompose
from varinf.autoencoders.inference_gap import inference_gap
from varinf.autoencoders.layers import Network
from varinf.autoencoders.likelihoods import likelihood as likelihood_named
from varinf.autoencoders.objectives import Architecture
from varinf.autoencoders.training import Plan, Scored, hold_out, steps_of, train
from varinf.autoencoders.units import Units
from varinf.evidence.evaluate import chunk_sizes, evaluate
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.models.model import Model, latents, not_negative, positive_number


class VAE(Coder, Model):
    """Variational autoencoder: a dense encoder q(z | x), normal with independent latents, and a dense decoder p(x | z).

    Training climbs E_q log p(x | z) − beta KL(q(z | x) || N(0, I)), at beta = 1 the ELBO, with gradients derived by
    hand. Once fitted it is a model like those of `varinf.models`: ``vi.evaluate(vae.log_joint, X, vae.encode)``.

    Parameters
    ----------
    latent_dim : int
        Number of latents D.
    hidden : tuple of int
        Widths of the encoder's hidden layers; the decoder has them in reverse. () for linear maps.
    likelihood : {"bernoulli", "normal", "categorical"}
        Distribution of a feature given z: "bernoulli" for 0 and 1 or intensities in between, "normal" for real
        numbers, "categorical" for integers 0 to `categories` − 1.
    activation : {"relu", "tanh", "softplus"}
        Of the hidden layers.
    beta : float
        Weight of the KL; 1 for the ELBO.
    target_rate : float, optional
        Nats of KL per datum that the code is to spend. `beta` is then the multiplier of this constraint: it starts at
        the `beta` given, rises while more are spent, falls while fewer are, and ends where the fit leaves it. Where a
        target was missed by more than a fifth, `reason` says so.
    free_bits : float
        Nats that each latent may spend for nothing, in the mean over a batch.
    objective : {"elbo", "iwelbo"}
        "iwelbo": the importance-weighted bound of `draws` draws, with the doubly reparameterised gradient for the
        encoder; needs beta = 1 and neither `target_rate` nor `free_bits`.
    draws : int
        Draws of z per datum and step.
    noise_scale : float, optional
        For "normal": standard deviation of every feature; None learns it.
    categories : int, optional
        For "categorical": number of values of a feature.
    dtype : {"float32", "float64"}
        Precision of parameters and training.

    Attributes
    ----------
    beta : float
        Weight of the KL, after a fit with `target_rate` its multiplier.
    history : tuple of Epoch
        One a training epoch: objective (with free bits where they are given), reconstruction, kl, beta, held_out,
        held_out_stderr, nats per datum.
    converged : bool
        False where the fit was interrupted or met nan; `reason` says so.
    reason : str
        Why the fit ended.

    Raises
    ------
    ValueError
        For options that exclude each other, or values out of range.

    See Also
    --------
    LinearVAE : The linear one, trained to an optimum that is known.
    varinf.models.LinearGaussian : The linear model, with its exact evidence.
    rate_distortion_plane : A sweep over beta.
    evaluate : Log weights of many data under any model.
    rate : The KL as an upper bound on information.

    References
    ----------
    Kingma, Welling (2014), "Auto-encoding variational Bayes".
    Higgins et al. (2017), "beta-VAE", for `beta`. Rezende, Viola (2018), "Taming VAEs", for `target_rate`.
    Kingma et al. (2016), "Improved variational inference with inverse autoregressive flow", eq. 16, for `free_bits`.
    Burda, Grosse, Salakhutdinov (2016) and Tucker, Lawson, Gu, Maddison (2019), eq. 8, for "iwelbo".

    Examples
    --------
    >>> import varinf as vi
    >>> X = vi.datasets.digits("fixed")
    >>> vae = vi.VAE(latent_dim=4, hidden=(32,)).fit(X[:1500], epochs=5, rng=0)
    >>> d = vae.decompose(X[1500:], rng=1)
    >>> bool((d.elbo.value == d.reconstruction.value - d.kl.value).all())
    True
    """

    def __init__(
        self,
        latent_dim,
        hidden=(128,),
        likelihood="bernoulli",
        *,
        activation="relu",
        beta=1.0,
        target_rate=None,
        free_bits=0.0,
        objective="elbo",
        draws=1,
        noise_scale=None,
        categories=None,
        dtype="float32",
    ):
        self._set_networks(latent_dim, hidden, activation, dtype)
        if objective not in ("elbo", "iwelbo"):
            raise ValueError(f"objective={objective!r}: use 'elbo' or 'iwelbo'")
        self.beta, self.free_bits = not_negative(beta, "beta"), not_negative(free_bits, "free_bits")
        self.target_rate = None if target_rate is None else positive_number(target_rate, "target_rate")
        if objective == "iwelbo" and (self.beta != 1 or self.target_rate is not None or self.free_bits):
            raise ValueError(
                "objective='iwelbo' does not split into reconstruction and KL: beta, target_rate and free_bits are for "
                "objective='elbo'; drop them"
            )
        if self.target_rate is not None and self.beta == 0:
            raise ValueError("beta=0 with target_rate: the multiplier grows from where it starts; start it above 0")
        self.objective = objective
        self.draws = positive_integer(draws, "draws")
        self.noise_scale = None if noise_scale is None else positive_number(noise_scale, "noise_scale")
        self.categories = None if categories is None else positive_integer(categories, "categories")
        self.likelihood = likelihood
        self._likelihood = likelihood_named(likelihood, self.noise_scale, self.categories)
        self.prior = DiagonalNormal.standard(self.latent_dim)
        self._given_beta = self.beta

    def __repr__(self):
        widths = "-".join(map(str, (*self.hidden, self.latent_dim, *reversed(self.hidden))))
        state = f"features={self.features}" if self._flat is not None else "not fitted"
        return f"<VAE: {widths}, {self.likelihood}, beta={self.beta:.4g}, {state}>"

    # Training --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        X,
        epochs=60,
        *,
        rng=None,
        batch_size=100,
        learning_rate=1e-3,
        schedule="constant",
        kl_warmup=0,
        validation=None,
        patience=None,
        binarize=None,
        progress=False,
    ):
        """Train from random weights by minibatch Adam.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        epochs : int
            Passes over the data.
        rng : None, int, SeedSequence or Generator
            Of weights, order and draws; the same gives the same fit.
        batch_size : int
            Data per step.
        learning_rate : float
            Adam's step size, times what the `schedule` says.
        schedule : {"constant", "linear", "cosine"} or callable
            Factor of the step size as a function of the share of steps done.
        kl_warmup : int
            Epochs over which the weight of the KL rises from near 0 to `beta`.
        validation : float or array (M, F), optional
            Held-out data, or the share of X to hold out at random. The parameters with the best objective on them,
            reconstruction − beta KL, are kept; without held-out data, or with a `target_rate`, those of the last epoch.
        patience : int, optional
            Stop after so many epochs in which the held-out objective has not risen by more than the standard error of
            its rise; needs `validation` of two data or more, and no `target_rate`.
        binarize : {None, "dynamic"}
            "dynamic": draw 0 and 1 anew each epoch with probabilities X; for "bernoulli".
        progress : bool or callable (done, total)
            A bar over epochs, where stderr is a terminal; or a function of yours.

        Returns
        -------
        VAE
            This one. Ctrl-C and nan end the fit with the best parameters so far, `converged` False and a `reason`.

        Raises
        ------
        ValueError
            For data that the likelihood cannot have, or options out of range.
        """
        rng = generator(rng)
        X = self._data(X)
        X, held_out = hold_out(X, validation, lambda x: self._data(x, "validation"), rng)
        count = 0 if held_out is None else len(held_out)
        steps = steps_of(epochs, batch_size, learning_rate, schedule, kl_warmup, patience, count)
        if patience is not None and self.target_rate is not None:
            raise ValueError(f"patience={patience} with target_rate: the objective moves with its multiplier; drop one")
        if binarize not in (None, "dynamic") or (binarize and self.likelihood != "bernoulli"):
            raise ValueError(f"binarize={binarize!r}: use None, or 'dynamic' with likelihood='bernoulli'")
        plan = Plan(
            objective=self.objective,
            draws=self.draws,
            beta=self._given_beta,
            target_rate=self.target_rate,
            free_bits=self.free_bits,
            binarize=binarize,
            **steps,
        )
        if plan.kl_warmup and self.objective == "iwelbo":
            raise ValueError("kl_warmup is for objective='elbo', which has a KL to weigh: drop it")
        units = Units.of(X, self.likelihood == "normal", self.dtype)

        def scored(x):
            return Scored(units.scored(x), lambda x, rows: units.of_scored(x), units.offset)

        model, X = self._architecture(units), scored(X)
        held_out = None if held_out is None else scored(held_out)
        trained = train(model, model.start(X.x, rng), X, held_out, plan, rng, progress)
        self._adopt(units, model, trained.flat)  # only now: a fit that raises leaves an earlier one as it was
        self._keep_training(trained)
        self.beta = trained.beta
        return self

    def _architecture(self, units):
        """Networks for data of these units."""
        features, noise = len(units.centre), units.noise(self.noise_scale)
        likelihood = likelihood_named(self.likelihood, noise, self.categories)
        return Architecture(
            Network((features, *self.hidden, 2 * self.latent_dim), self.activation),
            Network((self.latent_dim, *reversed(self.hidden), likelihood.outputs(features)), self.activation),
            likelihood,
            self.latent_dim,
        )

    def _adopt(self, units, model, flat):
        super()._adopt(units, model, flat)
        self._likelihood = model.likelihood

    # The model -------------------------------------------------------------------------------------------------------

    def decode(self, z):
        """Decode latents to the means E[x | z].

        Parameters
        ----------
        z : array (..., D)
            Latent vectors.

        Returns
        -------
        array (..., F)
            Probabilities for "bernoulli", means for "normal"; (..., F, C) probabilities for "categorical".
        """
        return self._units.back(self._likelihood.mean(self._outputs(z)))

    def _outputs(self, z):
        self._require_fit()
        z = np.ascontiguousarray(latents(z, (self.latent_dim,)), dtype=self.dtype)
        return self._model.decode(self._flat, z)[0]

    def sample(self, n, rng=None):
        """Draw data from the model.

        Parameters
        ----------
        n : int
            Number of draws.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        x : array (n, F)
            Data from p(x | z).
        z : array (n, D)
            Their latents, from the prior.
        """
        rng = generator(rng)
        z = self.prior.sample(positive_integer(n, "n"), rng)
        x = self._likelihood.sample(self._outputs(z), self._model.noise_scale(self._flat), rng)
        return self._units.back(x), z

    @property
    def fitted_noise_scale(self):
        """Standard deviation of a "normal" likelihood, given or learned; 1.0 for others, which have none."""
        self._require_fit()
        return self._model.noise_scale(self._flat) / self._units.noise(1.0)

    def log_likelihood(self, x, z):
        """Log likelihood log p(x | z), in nats.

        Parameters
        ----------
        x : array (N, F)
            Data, one row per datum.
        z : array (..., N, D)
            Latent vectors: any axes of draws in front, then one vector per datum.

        Returns
        -------
        array (..., N)
            With all constants, in nats.
        """
        x = self._fitted_data(x, "x")
        z = latents(z, (len(x), self.latent_dim))
        out = self._outputs(z.reshape(-1, len(x), self.latent_dim))
        log_p = self._likelihood.log_prob(self._units.scored(x), out, self._model.noise_scale(self._flat))
        return log_p.reshape(z.shape[:-1]) + self._units.offset

    # Bounds ----------------------------------------------------------------------------------------------------------

    def decompose(self, X, draws=100, rng=None):
        """Theorem 2 on these data: reconstruction − KL = ELBO, a lower bound on log p(x).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        draws : int
            Draws of z per datum for the reconstruction; the KL is in closed form.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        Decomposition
            With `reconstruction`, `kl` and `elbo`, Estimates with batch shape (N,), which add up exactly; its `mean`
            and `sum` are those of the set.
        """
        draws, rng, X = positive_integer(draws, "draws"), generator(rng), self._fitted_data(X)
        return decompose(self, X, draws, rng)

    def iwelbo(self, X, draws=1000, rng=None, *, workers=None, progress=False):
        """Importance-weighted bound on log p(x) of each datum, streamed over draws.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        draws : int
            Draws of z per datum.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.
        workers : int, optional
            Threads over batches of data; the result is the same for any number.
        progress : bool or callable (done, total)
            A bar, where stderr is a terminal; or a function of yours.

        Returns
        -------
        Estimate
            Direction lower, of "log p(x)" in nats, batch shape (N,), with `k_hat` per datum.
        """
        X = self._fitted_data(X)
        how = {"draws": draws, "rng": rng, "workers": workers, "progress": progress}
        bound = evaluate(self.log_joint, X, self.encode, **how).iwelbo()
        return replace(bound, rules=bound.rules + self._likelihood.rules(X))

    def inference_gap(self, X, draws=1000, steps=300, rng=None):
        """Split log p(x) − ELBO into what the family costs and what the encoder costs.

        Every datum's q is refined by itself, from the encoder's on, against the fixed decoder. What that gains is the
        amortisation gap; what is left below an importance-weighted bound under the refined q is the approximation gap.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        draws : int
            Draws of z per datum of the IWELBO and of the ELBOs.
        steps : int
            Of Adam in the refinement.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        InferenceGap
            With `total`, `approximation` and `amortisation`, Estimates with batch shape (N,) in nats; the means over
            data add up. Take ``.mean("population")`` of one for its error over data.

        References
        ----------
        Cremer, Li, Duvenaud (2018), "Inference suboptimality in variational autoencoders".
        """
        return inference_gap(self, self._fitted_data(X), draws, steps, rng)

    def squared_error(self, X, q=None, draws=100, rng=None):
        """Estimate E ‖x − E[x | z]‖² of a "normal" likelihood, the mean over the data.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        q : DiagonalNormal, optional
            Where z is drawn from; the encoder's posteriors unless given.
        draws : int
            Draws of z per datum.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        float
            Summed over features, in the units of the data.

        Raises
        ------
        ValueError
            For another likelihood.
        """
        if self.likelihood != "normal":
            raise ValueError(
                f"likelihood={self.likelihood!r} has no squared error: its outputs are no means of numbers"
            )
        X, rng, total = self._fitted_data(X), generator(rng), 0.0
        q = self.encode(X) if q is None else q
        scored = self._units.scored(X)
        for size in chunk_sizes(positive_integer(draws, "draws"), X, q):
            residual = scored - self._outputs(q.sample(size, rng))
            total += float(np.einsum("snf,snf->", residual, residual, dtype=np.float64))
        return total / (draws * len(X) * self._units.unit**2)

    def _d_log_likelihood(self, x, z):
        """d log p(x | z) / dz, (S, N, D), for checked x (N, F) and z (S, N, D)."""
        out, tape = self._model.decode(self._flat, z)
        _, slope = self._likelihood.score(self._units.scored(x), out, self._model.noise_scale(self._flat))
        return self._model.d_z(self._flat, tape, slope)

    # Files and checks ------------------------------------------------------------------------------------------------

    def _options(self):
        return super()._options() | {"beta": self._given_beta}

    def _about(self):
        return {"beta": self.beta}

    def _restore(self, about, arrays):
        units = Units(arrays["centre"], float(arrays["unit"]), self.likelihood == "normal", self.dtype)
        self._adopt(units, self._architecture(units), arrays["parameters"])
        self.beta = float(about["beta"])

    def _data(self, X, name="X"):
        X = super()._data(X, name)
        self._likelihood.check(X)
        return X
