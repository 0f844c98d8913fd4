from hypothesis import settings

# Fixed examples: a test that fails by chance is no test. No deadline: the time of an example is the machine's affair.
settings.register_profile("varinf", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("varinf")
