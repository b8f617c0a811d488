# The command line, with errors as the page has them.
python -c 'import numpy as np; np.save("errors.npy", np.random.default_rng(0).random(1000) < 0.1)'
BLOCK
