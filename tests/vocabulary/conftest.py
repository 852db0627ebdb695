from hypothesis import settings

settings.register_profile("opsportal", deadline=None)
settings.load_profile("opsportal")
